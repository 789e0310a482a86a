package parser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What becomes of a guest's text, from the contract's words, with encoding/json, regular
// expressions and maps, and nothing of the code that it judges but the key table and the
// reader of times.

// slowCodes are terminal codes (ECMA-48), as ESC and as C1.
var slowCodes = regexp.MustCompile(`(?s)` + strings.Join([]string{
	`(?:\x1b\[|\x{9b})(?:[ -?]*(?:[@-~]|\z))?`,
	`(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])(?:[^\x07\x1b\x{80}-\x{9f}]*(?:\x07|\x1b\\|\x{9c}))?`,
	`\x1b[ -/]+[0-~]?`, `\x1b[0-~]?`, `[\x{80}-\x{9f}]`,
}, "|"))

func slowPlain(text string) string { return slowCodes.ReplaceAllString(text, "") }

// slowUnseen is what may stand around a guest record.
var slowUnseen = regexp.MustCompile(`(?s)^(?:` + slowCodes.String()[4:] + `|[\r\n\x00])+`)

// slowSeverities are the words of console text that name a severity.
var slowSeverities = []struct {
	level string
	words *regexp.Regexp
}{
	{"critical", slowWords(`(?i:kernel panic|panicked at)`, `BUG:|Oops|panic: |CRIT|FATA`)},
	{"error", slowWords(`(?i:out of memory|oom-kill|segfault)`, `ERRO|\[FAILED\]`)},
	{"warning", slowWords(`(?i:fail|failed|failure|error|cannot|unable|denied|timed out)`, `WARN`)},
}

func slowWords(whole, start string) *regexp.Regexp {
	const before, after = `(?:^|[^\pL\p{Nd}_])`, `(?:$|[^\pL\p{Nd}_])`
	return regexp.MustCompile(`(?s)` + before + `(?:` + whole + after + `|` + start + `)`)
}

// slowLevels are the words of levels, in lower case.
var slowLevels = map[string]string{
	"panic": "panic", "pani": "panic", "fatal": "fatal", "fata": "fatal", "critical": "critical", "crit": "critical",
	"error": "error", "erro": "error", "warning": "warning", "warn": "warning", "info": "info",
	"debug": "debug", "debg": "debug", "debu": "debug", "trace": "trace", "trce": "trace", "trac": "trace",
}

// slowMember is one key of a guest record.
type slowMember struct {
	key, value string // a string's text, anything else compact JSON
	kind       byte   // '"' for a string, or the first byte of the JSON
	token      string // "key":value as JSON
}

// slowGuest is a guest record.
type slowGuest struct {
	members   []slowMember
	noise     string
	announced bool
}

// first is the first member of a key.
func (g *slowGuest) first(key string) *slowMember {
	for i := range g.members {
		if g.members[i].key == key {
			return &g.members[i]
		}
	}
	return nil
}

// slowReadGuest reads a guest record, or returns the reason for text that starts like one.
func slowReadGuest(text string, maxDepth int) (g *slowGuest, reason Reason) {
	body := text
	for i := range text { // from behind: what is left may all be unseen
		if end := slowUnseen.FindString(text[i:]); end != "" && len(end) == len(text)-i {
			body = text[:i]
			break
		}
	}
	body = body[len(slowUnseen.FindString(body)):]
	stamp := slowStamp.FindString(body)
	starts := func(text string) Reason {
		switch {
		case strings.HasPrefix(text, `{"`):
			return AgentJSON
		case strings.HasPrefix(text, "time="):
			return AgentLogfmt
		}
		return OK
	}
	if stamp == "" {
		if g, deep := slowReadGuestAt(body, maxDepth); g != nil {
			return g, deep
		}
		return nil, starts(body)
	}
	candidates := []int{}
	if at := strings.Index(body[len(stamp):], `{"`); at >= 0 {
		candidates = append(candidates, len(stamp)+at)
	}
	for at := len(stamp); at < len(body); at++ {
		blanks := body[len(stamp):at]
		for again := true; again; { // a word starts behind a code
			loc := slowCodes.FindStringIndex(blanks)
			if again = loc != nil; again {
				blanks = blanks[:loc[0]] + " " + blanks[loc[1]:]
			}
		}
		inCode := false
		for _, loc := range slowCodes.FindAllStringIndex(body[len(stamp):], -1) {
			inCode = inCode || loc[0] < at-len(stamp) && at-len(stamp) < loc[1]
		}
		if !inCode && strings.HasPrefix(body[at:], "time=") && (blanks == "" || blanks[len(blanks)-1] <= ' ') {
			candidates = append(candidates, at)
			break
		}
	}
	slices.Sort(candidates)
	for _, at := range candidates {
		if g, deep := slowReadGuestAt(body[at:], maxDepth); g != nil {
			before := strings.TrimRight(slowPlain(body[:at]), " \r\n")
			g.noise = strings.TrimSuffix(before+" "+g.noise, " ")
			return g, deep
		}
	}
	body = strings.TrimLeft(body[len(stamp):], " ")
	return nil, starts(body[len(slowUnseen.FindString(body)):])
}

func slowReadGuestAt(text string, maxDepth int) (g *slowGuest, reason Reason) {
	g = &slowGuest{}
	var after string
	switch {
	case strings.HasPrefix(text, `{"`):
		var ok bool
		if after, reason, ok = g.readJSON(text, maxDepth); !ok {
			return nil, OK
		}
		after = strings.TrimLeft(after[len(slowUnseen.FindString(after)):], " \t\r\n\x00")
		if after != "" && !slowStamp.MatchString(after) {
			return nil, OK
		}
	case strings.HasPrefix(text, "time="):
		pairs, reason, _, rest := slowPairs(text, true)
		if reason != OK || len(pairs) == 0 || !isRFC3339([]byte(pairs[0].value)) {
			return nil, OK
		}
		for _, p := range pairs {
			if p.bare && strings.ContainsAny(p.value, `"=`) || slowStampIn.MatchString(p.key) {
				return nil, OK // more than one value, or text of the kernel's inside
			}
			g.add(p.key, p.value)
		}
		after = rest
	case strings.HasPrefix(text, "announce: "):
		g.announced = true
		for rest := text[len("announce: "):]; rest != ""; {
			key, value, ok := strings.Cut(rest, `="`)
			end := regexp.MustCompile(`(?s)^(?:[^"\\]|\\.)*"`).FindString(value)
			if !ok || key == "" || len(key) > maxKey || strings.Contains(key, "=") || end == "" {
				return nil, OK
			}
			unquoted, ok := slowUnquote(end[:len(end)-1])
			if rest = value[len(end):]; !ok || rest != "" && rest[0] != ',' {
				return nil, OK
			}
			g.add(key, unquoted)
			rest = strings.TrimPrefix(rest, ",")
		}
		if len(g.members) == 0 {
			return nil, OK
		}
		return g, OK
	default:
		return nil, OK
	}
	level := g.first("level")
	if g.first("msg") == nil || level == nil || slowLevels[strings.ToLower(level.value)] == "" {
		return nil, OK
	}
	g.noise = strings.TrimRight(slowPlain(after), "\r\n")
	return g, reason
}

// add adds a member that is text.
func (g *slowGuest) add(key, value string) {
	g.members = append(g.members, slowMember{key, value, '"', slowJSON(key) + ":" + slowJSON(value)})
}

// slowJSON is text as a JSON string.
func slowJSON(text string) string {
	return string(appendJSONString(nil, []byte(text)))
}

// readJSON reads the members of an object, those that are not too deep.
func (g *slowGuest) readJSON(text string, maxDepth int) (after string, reason Reason, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return "", OK, false
	}
	for d.More() {
		start := d.InputOffset()
		key, err := d.Token()
		if err != nil {
			return "", OK, false
		}
		end := d.InputOffset()
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return "", OK, false
		}
		depth, deepest := 1, 1
		for inner := json.NewDecoder(bytes.NewReader(raw)); ; {
			token, err := inner.Token()
			if err != nil {
				break
			}
			switch token {
			case json.Delim('{'), json.Delim('['):
				depth++
			case json.Delim('}'), json.Delim(']'):
				depth--
			}
			deepest = max(deepest, depth)
		}
		if deepest > maxDepth {
			reason = TooDeep
			continue
		}
		var compact bytes.Buffer
		_ = json.Compact(&compact, raw)
		m := slowMember{key: key.(string), value: compact.String(), kind: raw[0]}
		keyToken := text[start:end]
		m.token = keyToken[strings.IndexByte(keyToken, '"'):] + ":" + m.value
		if m.kind == '"' {
			_ = json.Unmarshal(raw, &m.value)
		}
		g.members = append(g.members, m)
	}
	if _, err := d.Token(); err != nil {
		return "", OK, false
	}
	return text[d.InputOffset():], reason, true
}

// slowAmbiguous is a name in what slowUnpack returns where the rules leave a choice: the host has
// several fields whose names differ in their spelling, and a guest's value is that of one.
const slowAmbiguous = "ambiguous"

// slowUnpack is the record, by name and rendered value, that the enclosing record (likewise)
// and a guest's text become, with the default options.
func slowUnpack(enclosing map[string]string, guest string, maxDepth int) map[string]string {
	r := maps.Clone(enclosing)
	fault := func(reason Reason) {
		if reason == OK {
			return
		}
		for _, old := range Reasons() {
			if r["parse_error"] == quoteText(old.String()) {
				reason = old.or(reason)
			}
		}
		r["parse_error"] = quoteText(reason.String())
	}
	set := func(name, text string) { r[name] = quoteText(slowPlain(text)) }
	guest = strings.TrimRight(guest, "\r\n")
	if guest == "" {
		return r
	}
	r["guest"] = "true"
	g, reason := slowReadGuest(guest, maxDepth)
	fault(reason)
	if unparsed, ok := r["unparsed"]; ok {
		if text, err := strconv.Unquote(unparsed); err == nil {
			set("unparsed", text)
		}
	}
	if g == nil {
		text := strings.TrimRight(slowPlain(guest), "\r\n")
		set("msg", text)
		set("source", "vmconsole")
		for _, s := range slowSeverities {
			if s.words.MatchString(text) {
				set("detected_level", s.level)
				break
			}
		}
		return r
	}
	if g.noise != "" {
		set("console_noise", g.noise)
	}

	table := slowTable
	reserved := map[string]bool{}
	for _, name := range strings.Fields(`sandbox sandboxid sandbox_id sandboxID ID console-url console-protocol exec-id time
		guest duplicate parse_error unparsed console_noise detected_level agent_pid agent_time agent_fields agent_source
		pod_name pod_namespace pod_uid container_name`) {
		reserved[slowSpelling(name)] = true
	}
	for name := range enclosing {
		reserved[slowSpelling(name)] = true
		reserved[slowSpelling(strings.TrimSuffix(name, "_text"))] = true
	}

	names := map[string]bool{}
	value := func(m *slowMember) string {
		if m.kind == '"' {
			return slowPlain(m.value)
		}
		return slowEscapeC1(m.value)
	}
	typed := func(name string, typ Type, m *slowMember) {
		text := value(m)
		switch n, err := strconv.ParseInt(text, 10, 64); {
		case m.kind == 'n':
			r[name] = "null"
		case typ == Text:
			r[name] = quoteText(text)
		case typ == Integer && err == nil && text[0] != '+':
			r[name] = strconv.FormatInt(n, 10)
		case typ == Bool && (text == "true" || text == "false"):
			r[name] = text
		case typ == Float && slowNumber.MatchString(text) && slowFloat(text) != "":
			r[name] = slowFloat(text)
		default:
			if _, ok := r[name+"_text"]; !ok {
				r[name+"_text"] = quoteText(text)
			}
			delete(names, name) // the key's own name is free
		}
	}
	var fields []string
	keep := func(m *slowMember) { fields = append(fields, slowEscapeC1(m.token)) }
	source := "" // of the enclosing record
	if text, ok := enclosing["source"]; ok && text != "`agent`" {
		source = slowSpelling(strings.Trim(text, "`"))
	}
	named := false
	if g.announced {
		set("msg", "announce")
	}
	for i := range g.members {
		m := &g.members[i]
		name := slowName(m.key)
		if names[name] {
			continue
		}
		names[name] = true
		lower := strings.ToLower(name)
		switch {
		case g.announced && (name == "msg" || name == "level"):
			typed("agent_"+name, Text, m)
		case name == "msg":
			r["msg"] = quoteText(strings.TrimRight(value(m), "\r\n"))
		case name == "level":
			level := strings.ToLower(value(m))
			if word, ok := slowLevels[level]; ok {
				level = word
			}
			r["level"] = quoteText(level)
		case name == "name" || name == "subsystem":
			r[name] = quoteText(value(m))
		case name == "source":
			text := value(m)
			named = true
			r["source"] = quoteText("vmconsole")
			switch own := slowSpelling(text); {
			case text == "":
			case own == source || own == "runtimers" || own == "katautils" || own == "containerdkatashimv2" || own == "katamonitor" ||
				own == "virtcontainers" || strings.HasPrefix(own, "virtcontainers/"):
				if _, ok := enclosing["agent_source"]; ok {
					keep(m)
				} else {
					r["agent_source"] = quoteText(text)
				}
			default:
				r["source"] = quoteText(text)
			}
		case name == "pid" && enclosing["agent_pid"] != "":
			keep(m)
		case name == "pid":
			typed("agent_pid", Integer, m)
		case (name == "ts" || name == "time") && r["agent_time"] == "":
			r["agent_time"] = quoteText(value(m))
		case name == "ts" || name == "time":
			keep(m)
		case strings.HasPrefix(lower, "agent_") || strings.HasPrefix(lower, "pod_") || strings.HasSuffix(lower, "_text"):
			keep(m)
		case reserved[slowSpelling(name)]:
			same, differs := false, false
			exact, ok := enclosing[name]
			for host, text := range enclosing {
				if ok {
					host, text = name, exact
				}
				if slowSpelling(host) == slowSpelling(name) || slowSpelling(strings.TrimSuffix(host, "_text")) == slowSpelling(name) {
					if now, ok := r[host]; ok {
						text = now // a guest's msg, level and so on have taken its place
					}
					if slowSame(text, value(m)) {
						same = true
					} else {
						differs = true
					}
				}
			}
			if same && differs {
				r[slowAmbiguous] = "true"
			}
			_, listed := table[m.key]
			_, taken := r["agent_"+name]
			own := name == "pid" || name == "time" || name == "source" || name == "fields" // what this plugin makes
			switch {
			case same:
			case listed && !taken && !own:
				typed("agent_"+name, Text, m)
			default:
				keep(m)
			}
		case table[m.key].agent:
			typed(name, table[m.key].typ, m)
		default:
			keep(m)
		}
	}
	if !named {
		set("source", "vmconsole")
	}
	if len(fields) > 0 {
		r["agent_fields"] = quoteText("{" + strings.Join(fields, ",") + "}")
	}
	slowContainer(r, enclosing, g, value)
	return r
}

// slowTable is the key table, by its names.
var slowTable = func() map[string]slowKey {
	table := map[string]slowKey{}
	for _, row := range keyRows {
		programs, _, _ := strings.Cut(row.From, ":")
		agent := slices.ContainsFunc(strings.Split(programs, ", "), func(p string) bool {
			return p == "agent" || p == "agent v1" || p == "all programs"
		})
		table[row.Name] = slowKey{row.Type, agent}
	}
	return table
}()

type slowKey struct {
	typ   Type
	agent bool
}

// slowContainer fills the container's id from a guest record where the host gives none.
func slowContainer(r, enclosing map[string]string, g *slowGuest, value func(*slowMember) string) {
	if r["container"] != "" && r["container"] != "``" && r["container"] != "null" {
		return
	}
	scalar := func(key string) string {
		for i := range g.members {
			m := &g.members[i]
			if m.key == key && (m.kind == '"' || m.kind == '-' || m.kind >= '0' && m.kind <= '9') && value(m) != "" {
				return value(m)
			}
		}
		return ""
	}
	for _, key := range []string{"container-id", "container_id", "containerID", "Container"} {
		if id := scalar(key); id != "" {
			r["container"] = quoteText(id)
			return
		}
	}
	if m := regexp.MustCompile(`(?s)^(.*?)container_id"? *: *"([^"]{1,128})"`).FindStringSubmatch(scalar("req")); m != nil && !strings.Contains(m[1], "container_id") {
		r["container"] = quoteText(m[2])
		return
	}
	module := g.first("module")
	for i := range g.members {
		if m := &g.members[i]; m.key == "module" && m.value == "rustjail" {
			module = m
		}
	}
	if id := scalar("cid"); id != "" && (g.first("eid") != nil || module != nil && module.value == "rustjail") {
		r["container"] = quoteText(id)
	}
}

// slowName is a key as it is written.
func slowName(key string) string { return strings.NewReplacer(" ", "_", ".", "_").Replace(key) }

// slowSpelling is a name as names are compared.
func slowSpelling(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(" .-_", r):
			return -1
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// slowEscapeC1 is JSON text with its C1 control characters as escapes.
func slowEscapeC1(text string) string {
	return regexp.MustCompile(`[\x{80}-\x{9f}]`).ReplaceAllStringFunc(text, func(c string) string {
		return fmt.Sprintf(`\u%04x`, []rune(c)[0])
	})
}

func slowFloat(text string) string {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return ""
	}
	return renderValue(nil, &Field{Type: Float, Num: math.Float64bits(f)})
}

// slowSame reports whether a rendered value is what the text would be rendered as.
func slowSame(rendered, text string) bool {
	if rendered == quoteText(text) || rendered == text {
		return true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && !strings.HasPrefix(text, "+") && rendered == strconv.FormatInt(n, 10) {
		return true
	}
	return strings.ContainsAny(rendered, ".e") && slowFloat(text) == rendered
}
