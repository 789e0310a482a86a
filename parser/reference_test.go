package parser

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a message becomes with the default options, from the contract's words, with
// encoding/json, strconv, time, regular expressions and maps: the oracle of Parse. It
// shares nothing with the code that it judges but the key table.

// slowRecord is a record: rendered values by name, and the event's time.
type slowRecord struct {
	fields map[string]string
	time   string // as slowTimeText writes it, "" for the event's own

	reason Reason
	// What decides about trust.
	encoding       Encoding
	readable, isTs bool   // the time, and that its key was ts
	open           bool   // the message does not end
	last           string // the key of the last pair, if its value has no end
	guest          bool
}

func (r *slowRecord) fault(reason Reason) { r.reason = r.reason.or(reason) }

func (r *slowRecord) text(name string) (string, bool) {
	value, ok := r.fields[name]
	if !ok || value == "null" || value[0] != '`' && value[0] != '"' {
		return "", false
	}
	if value[0] == '`' {
		return value[1 : len(value)-1], true
	}
	text, err := strconv.Unquote(value)
	return text, err == nil
}

func (r *slowRecord) set(name, text string) { r.fields[name] = quoteText(text) }

var slowNumber = regexp.MustCompile(`^[0-9.eE+-]{1,64}$`)

// put adds a host's field in its key's type: of two equal names the first counts.
func (r *slowRecord) put(name, text string, kind byte, table map[string]Type) {
	if _, ok := r.fields[name]; ok {
		return
	}
	typ, listed := table[name]
	number := slowNumber.MatchString(text)
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case kind == 'n':
		r.fields[name] = "null"
	case !listed || typ == Text:
		r.set(name, text)
	case kind == '{' || kind == '[':
		r.misfit(name, text)
	case typ == Integer && err == nil && text[0] != '+':
		r.fields[name] = strconv.FormatInt(n, 10)
	case typ == Bool && (text == "true" || text == "false"):
		r.fields[name] = text
	case typ == Float && number && slowFloat(text) != "" && !strings.Contains(slowFloat(text), "Inf"):
		r.fields[name] = slowFloat(text)
	default:
		r.misfit(name, text)
	}
}

func (r *slowRecord) misfit(name, text string) {
	if _, ok := r.fields[name+"_text"]; !ok {
		r.set(name+"_text", text)
	}
}

// slowTypes are the types of the table's keys by written name, in logfmt and JSON, and as
// journal fields in lower case.
var slowTypes = func() map[string]Type {
	types := map[string]Type{}
	for _, row := range keyRows {
		types[slowName(row.Name)] = row.Type
	}
	for _, row := range keyRows {
		native := strings.TrimLeft(regexp.MustCompile(`[^a-z0-9]`).ReplaceAllString(strings.ToLower(row.Name), "_"), "_")
		if _, ok := types[native]; !ok {
			types[native] = row.Type
		}
	}
	return types
}()

var slowTimeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)$`)

// slowTime reads a time; whole says that it has no fraction.
func slowTime(text string) (t time.Time, whole, ok bool) {
	if !slowTimeForm.MatchString(text) {
		return t, false, false
	}
	t, err := time.Parse(time.RFC3339Nano, text[:10]+"T"+text[11:])
	return t, len(text) < 20 || text[19] != '.' && text[19] != ',', err == nil
}

func slowTimeText(t time.Time, whole bool) string {
	s := strconv.FormatInt(t.Unix(), 10) + "." + strconv.Itoa(1e9 + t.Nanosecond())[1:]
	if whole {
		s += " whole"
	}
	return s
}

// add takes a pair of the host's.
func (r *slowRecord) add(key, text string, kind byte, seen map[string]bool) {
	name := slowName(key)
	switch {
	case key == "time" || key == "ts":
		switch {
		case !seen["time"] && !seen["ts"]:
			t, whole, ok := slowTime(text)
			r.readable, r.isTs = ok, key == "ts"
			if ok && t.Unix() >= 0 && t.Unix() <= 0xfffffffd {
				r.time = slowTimeText(t, whole)
			} else {
				r.fault(BadTime)
				r.set("time", text)
			}
		case !seen[key]:
			r.put(key, text, kind, slowTypes)
		}
	case kind == '{' || kind == '[' || kind == 'n':
		r.put(name, text, kind, slowTypes)
	case key == "level":
		if _, ok := r.fields["level"]; !ok {
			level := strings.ToLower(text)
			if word, ok := slowLevels[level]; ok {
				level = word
			}
			r.set("level", level)
		}
	case key == "msg":
		if _, ok := r.fields["msg"]; !ok {
			r.set("msg", strings.TrimRight(text, "\r\n"))
		}
	default:
		r.put(name, text, kind, slowTypes)
	}
	seen[key] = true
}

// slowParse returns nil for a message that stays as it is.
func slowParse(m *Message) (r *slowRecord) {
	text := valid(string(m.Text))
	if text == "" {
		return nil
	}
	r = &slowRecord{fields: map[string]string{}}
	kata := m.Origin == Kata || m.Origin == KataProxy
	switch {
	case m.Continuation != NoContinuation:
		r.open = true
		if m.Continuation == GuestContinuation {
			text = slowPlain(text)
			r.fields["guest"] = "true"
		}
		r.set("msg", strings.TrimRight(text, "\r\n"))
		r.fault(Cut)
	case m.Native != nil:
		r.native(m.Native, text)
		r.ids(m)
		r.unpackRuntimeRs(text, false)
	case strings.HasPrefix(text, "time="):
		r.logfmt(text)
		_, level := r.fields["level"]
		if !level || m.Origin != Nobody && !r.taken(m.Origin) {
			return r.plain(m, text)
		}
		r.ids(m)
		r.unpack(m)
	case strings.HasPrefix(text, "{") && (!kata || strings.HasPrefix(text, `{"`)):
		some := r.json(text)
		_, msg := r.fields["msg"]
		_, level := r.fields["level"]
		if !some || !kata && !(msg && level && r.taken(m.Origin)) {
			return r.plain(m, text)
		}
		if name, _ := r.text("name"); r.isTs && name == "kata-runtime" {
			if id, ok := r.text("source"); ok {
				r.set("source", "runtime-rs")
				r.set("sandbox", id)
			}
		}
		r.ids(m)
		r.unpack(m)
	case kata:
		if !r.announce(text) && !r.terminal(text) {
			return r.plain(m, text)
		}
		r.ids(m)
		r.unpack(m)
	default:
		return nil
	}
	r.finish(m)
	return r
}

func (r *slowRecord) finish(m *Message) {
	if m.Cut {
		r.fault(Cut)
	}
	if r.reason != OK {
		r.set("parse_error", r.reason.String())
	}
}

// taken reports whether a record is parsed, by who wrote it.
func (r *slowRecord) taken(origin Origin) bool {
	switch origin {
	case Kata, KataProxy:
		return true
	case Runtime:
		return r.readable
	}
	return r.readable && r.katas()
}

func (r *slowRecord) katas() bool {
	name, _ := r.text("name")
	source, _ := r.text("source")
	return slices.Contains(strings.Fields(`kata-runtime kata-proxy kata-shim kata-netmon kata-monitor kata-agent containerd-shim-v2
		containerd-shim-kata-v2 agent-client kata-ctl kata-agent-ctl kata-trace-forwarder`), name) ||
		slices.Contains([]string{"virtcontainers", "katautils", "containerd-kata-shim-v2", "kata-monitor"}, source) ||
		strings.HasPrefix(source, "virtcontainers/")
}

// plain is text that is no record.
func (r *slowRecord) plain(m *Message, text string) *slowRecord {
	torn := r.encoding == JSONEncoding && r.reason == BadJSON || r.encoding == LogfmtEncoding && r.open
	if m.Origin != Kata && m.Origin != KataProxy {
		return nil
	}
	*r = slowRecord{fields: map[string]string{}, reason: map[bool]Reason{true: BadJSON}[r.encoding == JSONEncoding && r.reason == BadJSON]}
	r.set("msg", strings.TrimRight(text, "\r\n"))
	r.ids(m)
	if m.Origin == KataProxy && (m.Cut || torn) {
		r.guests(text)
	}
	r.finish(m)
	return r
}

// slowColour is a colour code at the start of text, or a part of one; slowNoColour is the one
// that logrus ends a colour with.
var slowColour = regexp.MustCompile(`^\x1b\[(?:[ -?]*(?:[@-~]|\z))?`)

const slowNoColour = "\x1b[0m"

// slowSeconds is the time since the start.
var slowSeconds = regexp.MustCompile(`^\[[0-9]+\] ?`)

// slowPairStart is a blank and a word that has a key.
var slowPairStart = regexp.MustCompile(`^ [^\x00- =][^\x00- =]*=`)

// terminal reads what logrus prints on a terminal and reports whether text is that: four
// letters of the level, the seconds since the start, the message padded to 44 columns and the
// pairs. With colours the level and each key have one, and so the pairs are sure; without
// them they start behind the padding, with the first word that has a key.
func (r *slowRecord) terminal(text string) bool {
	rest := text[len(slowColour.FindString(text)):]
	level := rest[:min(4, len(rest))]
	if !slices.Contains(strings.Fields("INFO WARN ERRO DEBU FATA PANI TRAC"), level) {
		return false
	}
	rest = rest[4:]
	rest = rest[len(slowColour.FindString(rest)):]
	seconds := slowSeconds.FindString(rest)
	if seconds == "" {
		return false
	}
	rest = rest[len(seconds):]
	msg, pairs := rest, ""
	for i := range rest {
		if rest[i] != ' ' {
			continue
		}
		colour := slowColour.FindString(rest[i+1:])
		key, _, ok := strings.Cut(rest[i+1+len(colour):], slowNoColour+"=")
		if colour != "" && ok && key != "" && !strings.Contains(key, "\x1b") {
			msg, pairs = rest[:i], rest[i:]
			break
		}
	}
	for i := 44; pairs == "" && i < len(rest); i++ {
		if slowPairStart.MatchString(rest[i:]) {
			msg, pairs = rest[:i], rest[i:]
		}
	}
	seen := map[string]bool{}
	r.add("level", level, '"', seen)
	if msg = strings.TrimRight(msg, " \r\n"); msg != "" {
		r.add("msg", msg, '"', seen)
	}
	r.logfmt(slowPlain(pairs))
	r.encoding = TerminalEncoding
	return true
}

// slowQuoted is the body of a string up to its closing quote.
var slowQuoted = regexp.MustCompile(`(?s)^(?:[^"\\]|\\.)*`)

// announce reads the line in which an agent in Go names itself, and reports whether text is
// that: pairs of a key and a value in quotes, with commas between them.
func (r *slowRecord) announce(text string) bool {
	list, ok := strings.CutPrefix(text, "announce: ")
	if !ok {
		return false
	}
	list = strings.TrimRight(list, "\r\n")
	seen := map[string]bool{}
	for list != "" {
		key, body, ok := strings.Cut(list, `="`)
		if !ok || key == "" || len(key) > maxKey || strings.Contains(key, "=") {
			break
		}
		if r.encoding = AnnounceEncoding; len(seen) == 0 {
			r.set("msg", "announce")
		}
		quoted := slowQuoted.FindString(body)
		list = body[len(quoted):]
		if list == `\` { // the end cuts an escape
			quoted, list = body, ""
		}
		if list == "" {
			r.fault(UnterminatedQuote)
			r.open, r.last = true, key
		}
		value, ok := slowUnquote(quoted)
		if !ok {
			r.fault(BadEscape)
		}
		r.add(key, value, '"', seen)
		if list = strings.TrimPrefix(list, `"`); !strings.HasPrefix(list, ",") {
			break
		}
		list = list[1:]
	}
	if len(seen) == 0 {
		return false
	}
	if list != "" {
		r.fault(TrailingText)
	}
	if list = strings.TrimRightFunc(list, isBlank); list != "" {
		r.set("unparsed", list)
	}
	return true
}

func (r *slowRecord) logfmt(text string) {
	r.encoding = LogfmtEncoding
	pairs, reason, unparsed, _ := slowPairs(text, false)
	seen := map[string]bool{}
	for _, p := range pairs {
		r.add(p.key, p.value, '"', seen)
	}
	r.fault(reason)
	r.open = reason == UnterminatedQuote
	if unparsed != "" && (len(r.fields) > 0 || seen["time"]) {
		r.set("unparsed", unparsed)
	}
	if n := len(pairs); n > 0 && (r.open || pairs[n-1].bare && unparsed == "" && text[len(text)-1] > ' ') {
		r.last = pairs[n-1].key
	}
}

// json reads an object's members up to where it is damaged.
func (r *slowRecord) json(text string) (some bool) {
	r.encoding = JSONEncoding
	var g slowGuest
	after, reason, whole := g.readJSON(text, DefaultMaxDepth)
	r.fault(reason)
	r.open = !whole
	seen := map[string]bool{}
	for i := range g.members {
		m := &g.members[i]
		r.add(m.key, m.value, m.kind, seen)
	}
	some = len(r.fields) > 0 || seen["time"] || seen["ts"]
	if !whole {
		r.fault(BadJSON)
	} else if rest := strings.TrimSpace(after); some && rest != "" {
		r.fault(TrailingText)
		r.set("unparsed", rest)
	}
	return some
}

func (r *slowRecord) native(n *Native, text string) {
	r.encoding = NativeEncoding
	if len(n.Priority) == 1 && n.Priority[0] >= '2' && n.Priority[0] <= '7' {
		r.set("level", strings.Fields("critical error warning info debug trace")[n.Priority[0]-'2'])
	}
	r.set("msg", text)
	if n.Realtime != nil {
		micros, err := strconv.ParseInt(string(n.Realtime), 10, 64)
		if err != nil || micros < 0 || n.Realtime[0] == '+' || n.Realtime[0] == '-' || micros/1e6 > 0xfffffffd || len(n.Realtime) > 19 {
			r.fault(BadTime)
			r.set("time", valid(string(n.Realtime)))
		} else {
			r.time = slowTimeText(time.UnixMicro(micros), false)
		}
	}
	for _, f := range n.Fields {
		name, value := strings.ToLower(string(f.Name)), valid(string(f.Value))
		switch name {
		case "source":
			r.set("sandbox", value)
			r.set("source", "runtime-rs")
		case "msg", "level", "time", "sandbox":
			if _, ok := r.fields[name]; !ok {
				r.set(name, value)
			}
		default:
			r.put(name, value, '"', slowTypes)
		}
	}
}

// ids fills sandbox and container from the host's other words for them.
func (r *slowRecord) ids(m *Message) {
	first := func(names ...string) string {
		for _, name := range names {
			if text, ok := r.text(name); ok && text != "" {
				return text
			}
		}
		return ""
	}
	var words string
	msg, _ := r.text("msg")
	if m.Origin == Runtime && !r.katas() {
		id := `"([^" ]{1,128})"`
		if w := regexp.MustCompile(`(?s)^RunPodSandbox for (.*) returns sandbox id ` + id).FindStringSubmatch(msg); w != nil {
			words = w[2]
			for name, form := range map[string]string{"pod_name": `Name`, "pod_uid": `Uid`, "pod_namespace": `Namespace`} {
				form := `(?s)^&PodSandboxMetadata\{(?:.*[, ])?` + form + `:([^,]*),`
				if !strings.HasPrefix(w[1], "&PodSandboxMetadata{") {
					form = `(?s)^(?:.*[, ])?` + strings.TrimPrefix(name, "pod_") + `:"([^"]*)"`
				}
				// The first place counts.
				form = strings.Replace(form, ".*", ".*?", 1)
				if v := regexp.MustCompile(form).FindStringSubmatch(w[1]); v != nil && v[1] != "" {
					r.set(name, v[1])
				}
			}
		}
		if w := regexp.MustCompile(`(?s)^[Rr]an pod sandbox ([^ ]{1,128}) with infra container: (?:([^/]*)/([^/]*)/)?`).FindStringSubmatch(msg); w != nil {
			words = w[1]
			for name, text := range map[string]string{"pod_namespace": w[2], "pod_name": w[3]} {
				if text != "" {
					r.set(name, text)
				}
			}
		}
	}
	if first("sandbox") == "" {
		id := ""
		if r.encoding != NativeEncoding {
			id = first("ID")
		}
		if id == "" {
			id = first("sandboxid", "sandbox_id", "sandboxID", "sandbox-id", "sandox-id", "podsandboxid")
		}
		if id == "" {
			id = words
		}
		if id == "" && m.Sandbox != nil {
			id = string(m.Sandbox())
		}
		if id != "" {
			r.set("sandbox", valid(id))
		}
	}
	if first("container") == "" {
		id := first("container-id", "container_id", "containerID", "Container")
		if req := regexp.MustCompile(`(?s)^(.*?)container_id"? *: *"([^"]{1,128})"`).FindStringSubmatch(first("req")); id == "" && req != nil && !strings.Contains(req[1], "container_id") {
			id = req[2]
		}
		if id != "" {
			r.set("container", id)
		}
	}
}

// known is the text of a field, unless the message ends with it and may go on.
func (r *slowRecord) known(name string, torn bool) (string, bool) {
	if torn && r.last == name {
		return "", false
	}
	return r.text(name)
}

// unpack unpacks what a guest wrote in a record of logfmt or JSON.
func (r *slowRecord) unpack(m *Message) {
	msg, hasMsg := r.text("msg")
	if text, ok := r.text("vmconsole"); ok && (!hasMsg || msg == "reading guest console") {
		if r.guests(text); r.guest {
			delete(r.fields, "vmconsole")
		}
		return
	}
	torn := m.Cut || r.open
	name, hasName := r.known("name", torn)
	source, hasSource := r.known("source", torn)
	written, _ := r.text("name")
	proxy := m.Origin == KataProxy || written == "kata-proxy" || written == "kata-shim"
	switch {
	case r.encoding == JSONEncoding && r.isTs && (!hasName || name == "kata-runtime"):
		if _, ok := r.text("subsystem"); !ok && r.open && hasMsg {
			r.guests(msg)
		} else if hasMsg {
			r.unpackRuntimeRs(msg, r.open)
		}
	case proxy && source == "agent" || proxy && torn && (!hasName || !hasSource):
		r.guests(msg)
		if !r.guest && torn && (!hasName || !hasSource) {
			r.fields["guest"] = "true"
			r.set("source", "vmconsole")
		}
	}
}

// unpackRuntimeRs unpacks what a guest wrote in a message of runtime-rs.
func (r *slowRecord) unpackRuntimeRs(text string, torn bool) {
	stream, ok := r.text("stream")
	if !ok && torn {
		stream = "stdout"
	}
	whole := len(text) > 1 && text[0] == '"'
	switch subsystem, _ := r.text("subsystem"); {
	case subsystem == "agent" || subsystem == "dmesg":
		r.guests(text)
	case strings.HasPrefix(text, `vm console: "`):
		r.quoted(text[len(`vm console: "`):])
	case subsystem == "cloud-hypervisor" && stream == "stdout" && text != "" && text[0] == '"':
		r.quoted(text[1:])
	case subsystem == "cloud-hypervisor" && stream == "stdout":
		r.guests(text)
	case subsystem == "cloud-hypervisor" && stream == "stderr" && whole:
		if own, rest, ok := slowRust(text[1:]); ok && rest == `"` {
			r.set("msg", own)
		}
	}
}

func (r *slowRecord) quoted(body string) {
	text, rest, ok := slowRust(body)
	if !ok {
		r.fault(BadEscape)
	}
	if rest == "" {
		r.fault(UnterminatedQuote)
	}
	r.guests(text)
	if behind := strings.TrimSpace(strings.TrimPrefix(rest, `"`)); behind != "" {
		r.fault(TrailingText)
		r.set("unparsed", slowPlain(behind))
		if !r.guest {
			r.fields["guest"] = "true"
			r.set("msg", slowPlain(strings.TrimRight(text, "\r\n")))
			r.set("source", "vmconsole")
		}
	}
}

// guests unpacks text of a guest's.
func (r *slowRecord) guests(text string) {
	if r.reason != OK {
		r.set("parse_error", r.reason.String())
	}
	after := slowUnpack(r.fields, text, DefaultMaxDepth)
	if word, ok := after["parse_error"]; ok {
		for _, reason := range Reasons() {
			if word == quoteText(reason.String()) {
				r.fault(reason)
			}
		}
		delete(after, "parse_error")
	}
	r.guest = !maps.Equal(after, r.fields) && after["guest"] == "true"
	r.fields = after
	delete(r.fields, "parse_error")
}

// slowRust reads a body in Rust's debug quoting, up to the closing quote.
func slowRust(body string) (text, rest string, ok bool) {
	ok = true
	var b bytes.Buffer
	for body != "" && body[0] != '"' {
		if body[0] != '\\' {
			b.WriteByte(body[0])
			body = body[1:]
			continue
		}
		simple := map[string]string{`\"`: `"`, `\\`: `\`, `\'`: `'`, `\n`: "\n", `\r`: "\r", `\t`: "\t", `\0`: "\x00"}
		if s, found := simple[body[:min(2, len(body))]]; found {
			b.WriteString(s)
			body = body[2:]
			continue
		}
		if m := regexp.MustCompile(`^\\u\{([0-9a-fA-F]{1,6})\}`).FindStringSubmatch(body); m != nil {
			n, _ := strconv.ParseUint(m[1], 16, 32)
			if n <= 0x10ffff && (n < 0xd800 || n > 0xdfff) {
				b.WriteRune(rune(n))
				body = body[len(m[0]):]
				continue
			}
		}
		ok = false
		b.WriteByte('\\')
		body = body[1:]
	}
	return b.String(), body, ok
}

// slowCompare compares a record with the oracle's, and returns what differs.
func slowCompare(m *Message, r *Record) string {
	if len(m.Text) > DefaultMaxMessage {
		return ""
	}
	want := slowParse(m)
	if want == nil || r == nil {
		if (want == nil) != (r == nil) {
			return "got\n" + render(r) + "\nthe oracle has another"
		}
		return ""
	}
	got := fieldMap(r)
	delete(got, "event time")
	if len(got) > DefaultMaxFields || r.Reason == TooManyFields || want.fields[slowAmbiguous] != "" {
		return ""
	}
	diff := diffMaps(got, want.fields)
	goesOn := want.open || want.encoding == Plain
	if goesOn != (r.Continuation != NoContinuation) || goesOn && want.fields["guest"] == "true" && r.Continuation != GuestContinuation {
		diff += fmt.Sprintf("continuation %d\n", r.Continuation)
	}
	if r.Encoding != want.encoding {
		diff += "encoding " + r.Encoding.String() + ", want " + want.encoding.String() + "\n"
	}
	at := ""
	if r.HasTime {
		at = slowTimeText(r.Time.Time(), r.Time.Whole)
	}
	if at != want.time {
		diff += "time " + at + ", want " + want.time
	}
	return diff
}

// TestTerminal puts the terminal form and the announce: line together from pieces, right and
// wrong ones, and compares what Parse makes of them with the oracle.
func TestTerminal(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	pick := func(pieces ...string) string { return pieces[rnd.IntN(len(pieces))] }
	colour := func() string {
		return pick("", "", "", "\x1b[36m", "\x1b[0m", "\x1b[0;1m", "\x1b[", "\x1b[3", "\x1b", "\u009b31m")
	}
	value := func() string {
		return pick("", "x", "7", "55bb", "agent", "kata-proxy", "kata-shim", "true", `"a b"`, `"a\"b"`, `"\x1b[0m"`, `"\q"`, `"c"d`, `"open`, "a=b", "\x1b[0m",
			logrusValue(`{"msg":"m","level":"INFO","sandbox":"x"}`), logrusValue("[    0.5] text\r\n"))
	}
	key := func() string {
		return pick("a", "vm path", "pid", "ID", "name", "source", "msg", "level", "time", "sandbox", "vmconsole", "x.y", "", "=", "count")
	}
	p := New(Config{})
	for range 20_000 {
		var b strings.Builder
		if rnd.IntN(4) > 0 {
			b.WriteString(colour() + pick("INFO", "WARN", "ERRO", "DEBU", "FATA", "PANI", "TRAC", "INF", "info") + colour() + pick("[0000]", "[12]", "[]", "[x]", "[0", "[0000] ", "[1] "))
			b.WriteString(pick("", "message", "reading guest console", "a=b c", "é") + strings.Repeat(pick(" ", "é", "x "), rnd.IntN(60)))
			for range rnd.IntN(5) {
				b.WriteString(pick(" ", " ", "  ", "\t", "") + colour() + key() + pick("", "\x1b[0m", "\x1b[0") + pick("=", "=", "=", "") + value())
			}
		} else {
			b.WriteString(pick("announce: ", "announce: ", "announce:"))
			for range rnd.IntN(5) {
				b.WriteString(key() + pick("=", "=", "") + pick(`""`, `"x"`, `"55bb"`, `"kata-proxy"`, `"a\n"`, `"\q"`, `"`, `"x`, "x", `"\`) + pick(",", ",", ",", " ", ""))
			}
		}
		b.WriteString(pick("", "", "", "\n", "\r\n", " ", " trailing"))
		m := Message{Text: []byte(b.String()), Origin: []Origin{Kata, KataProxy}[rnd.IntN(2)], Cut: rnd.IntN(3) == 0}
		if diff := slowCompare(&m, p.Parse(&m)); diff != "" {
			t.Fatalf("%q of %v, cut %v:\n%s", b.String(), m.Origin, m.Cut, diff)
		}
	}
}
