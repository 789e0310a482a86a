package parser

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestRows reads testdata/rows: one row for each thing that Kata's programs, and
// those around them, are known to write, from the input to every field.
//
//	--- name of the row
//	# remarks
//	with: options, as in parseConfig       (defaults without)
//	from: SYSLOG_IDENTIFIER                (none without)
//	cut: yes                               (_LINE_BREAK=line-max)
//	sandbox: the sandbox's id, as the caller knows it
//	text: the message
//	gives: encoding [seconds.nanoseconds [whole]]
//	name = value as JSON
//	enclosing: kept                        all of the enclosing record's fields that are not named
//
// "gives: nothing" is a record that stays as it is. Other inputs than text:
//
//	console: guest text, in a line of the Go shim's console watcher
//	proxy: guest text, in a line of kata-proxy's
//	field: NAME=value                      a journal field of runtime-rs
//	priority: 5
//	realtime: 1714979289123456
//
// After "!:" instead of ":" the value is a quoted Go string.
func TestRows(t *testing.T) {
	files, err := filepath.Glob("testdata/rows/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			rows := readRows(t, file)
			if *update {
				updateRows(t, file, rows)
				return
			}
			for _, r := range rows {
				t.Run(r.name, func(t *testing.T) {
					if got := r.run(); got != r.want {
						t.Errorf("%s:%d: %s\ngot\n%s\nwant\n%s", file, r.line, r.m.Text, got, r.want)
					}
				})
			}
		})
	}
}

// updateRows writes what the rows of a file give now; to be read before it is
// committed.
func updateRows(t *testing.T, file string, rows []row) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i := len(rows) - 1; i >= 0; i-- { // from the end: lines keep their numbers
		r := &rows[i]
		{
			got := r.run()
			end := r.gives
			for end < len(lines) && lines[end] != "" {
				end++
			}
			lines = slices.Replace(lines, r.gives-1, end, r.shorten(got)...)
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// enclosing are the fields of the record that encloses the row's guest text, by name.
func (r *row) enclosing() map[string]string {
	config := r.config
	config.NoUnpack = true
	fields := map[string]string{}
	for _, line := range strings.Split(render(New(config).Parse(&r.m)), "\n")[1:] {
		if name, _, _ := strings.Cut(line, " = "); name != "vmconsole" {
			fields[name] = line
		}
	}
	return fields
}

// keptWord stands for all fields of the enclosing record that the row does not name.
const keptWord = "enclosing: kept"

// expand puts in the fields that keptWord stands for.
func (r *row) expand(fields []string) []string {
	at := slices.Index(fields, keptWord)
	if at < 0 {
		return fields
	}
	fields = slices.Delete(fields, at, at+1)
	enclosing := r.enclosing()
	for _, line := range fields {
		name, _, _ := strings.Cut(line, " = ")
		delete(enclosing, name)
	}
	return slices.AppendSeq(fields, maps.Values(enclosing))
}

// shorten is the reverse of expand, for a whole result.
func (r *row) shorten(got string) []string {
	lines := strings.Split("gives: "+got, "\n")
	if r.guest == "" {
		return lines
	}
	enclosing := r.enclosing()
	short := []string{lines[0], keptWord}
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, " = ")
		if enclosing[name] != line {
			short = append(short, line)
		}
		delete(enclosing, name)
	}
	if len(enclosing) > 0 {
		return lines // not all were kept
	}
	return short
}

// row is one row of testdata/rows.
type row struct {
	name   string
	line   int
	gives  int // the line of its result
	config Config
	m      Message
	guest  string // what a guest wrote, if the row says it
	want   string // as render returns it
}

func (r *row) run() string {
	rec := New(r.config).Parse(&r.m)
	if rec != nil {
		if (lookup(rec, "parse_error") != nil) != (rec.Reason != OK) || (lookup(rec, "guest") != nil) != rec.Guest {
			return render(rec) + fmt.Sprintf("\nbut Reason is %q, Guest %v", rec.Reason, rec.Guest)
		}
	}
	return render(rec)
}

// lookup returns the field with the name, nil for none.
func lookup(r *Record, name string) *Field {
	if i := r.Index([]byte(name)); i >= 0 {
		return &r.Fields[i]
	}
	return nil
}

func readRows(t testing.TB, file string) (rows []row) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r *row
	var fields []string
	end := func() {
		if r == nil {
			return
		}
		if r.want == "" || len(r.m.Text) == 0 {
			t.Fatalf("%s:%d: the row says no input or no result", file, r.line)
		}
		fields = r.expand(fields)
		slices.Sort(fields)
		r.want = strings.Join(append([]string{r.want}, fields...), "\n")
		rows = append(rows, *r)
	}
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for line := 1; s.Scan(); line++ {
		text := s.Text()
		if name, ok := strings.CutPrefix(text, "--- "); ok {
			end()
			r, fields = &row{name: name, line: line}, nil
			continue
		}
		if text == "" || text[0] == '#' {
			continue
		}
		if r.want != "" {
			fields = append(fields, text)
			continue
		}
		if strings.HasPrefix(text, "gives: ") {
			r.gives = line
		}
		if err := r.input(text); err != nil {
			t.Fatalf("%s:%d: %v", file, line, err)
		}
	}
	end()
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func (r *row) input(text string) (err error) {
	word, value, _ := strings.Cut(text, ": ")
	if w, ok := strings.CutSuffix(word, "!"); ok {
		word = w
		if value, err = strconv.Unquote(value); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	if r.m.Native == nil && slices.Contains([]string{"field", "priority", "realtime"}, word) {
		r.m.Native = &Native{}
	}
	switch word {
	case "with":
		r.config, err = parseConfig(value)
	case "from":
		r.m.Origin = OriginOf([]byte(value))
	case "cut":
		r.m.Cut = true
	case "sandbox":
		r.m.Sandbox = func() []byte { return []byte(value) }
	case "text":
		r.m.Text = []byte(value)
	case "console":
		r.guest, r.m.Origin, r.m.Text = value, Kata, []byte(consoleLine(value))
	case "proxy":
		r.guest, r.m.Origin, r.m.Text = value, KataProxy, []byte(proxyLine(value))
	case "field":
		name, value, _ := strings.Cut(value, "=")
		r.m.Native.Fields = append(r.m.Native.Fields, NativeField{[]byte(name), []byte(value)})
	case "priority":
		r.m.Native.Priority = []byte(value)
	case "realtime":
		r.m.Native.Realtime = []byte(value)
	case "gives":
		r.want = value
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return err
}

// consoleLine is the line in which the Go shim's console watcher hands on what
// the guest wrote.
func consoleLine(guest string) string {
	return `time="2024-05-06T07:08:10.25Z" level=debug msg="reading guest console" console-url=/run/vc/vm/55bb/console.sock` +
		` name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers subsystem=sandbox vmconsole=` + logrusValue(guest)
}

// proxyLine is the line in which kata-proxy does.
func proxyLine(guest string) string {
	return `time="2019-05-06T07:08:09.1Z" level=info msg=` + strconv.Quote(guest+"\n") + ` name=kata-proxy pid=7 sandbox=55bb source=agent`
}

// logrusValue is a value as logrus's text form has it.
func logrusValue(s string) string {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._/@^+", c) >= 0) {
			return strconv.Quote(s)
		}
	}
	return s
}

// parseConfig reads words such as format=json, nested=keep, no-unpack, max-fields=3.
func parseConfig(text string) (c Config, err error) {
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		number := func(n *int) { *n, err = strconv.Atoi(value) }
		switch name {
		case "format":
			c.Format = map[string]Format{"logfmt": OnlyLogfmt, "json": OnlyJSON, "native": OnlyNative}[value]
		case "nested":
			c.Nested = map[string]NestedMode{"keep": KeepNested, "drop": DropNested}[value]
		case "types":
			c.Types, err = parseTypes(value)
		case "no-unpack":
			c.NoUnpack = true
		case "no-native":
			c.NoNative = true
		case "keep-time":
			c.KeepTime = true
		case "no-time":
			c.NoTime = true
		case "max-message":
			number(&c.MaxMessage)
		case "max-fields":
			number(&c.MaxFields)
		case "max-depth":
			number(&c.MaxDepth)
		default:
			err = fmt.Errorf("unknown option %q", word)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// parseTypes reads "string", or pairs key:type with commas between them.
func parseTypes(text string) (types Types, err error) {
	if text == "string" {
		return Types{AllText: true}, nil
	}
	types.Extra = map[string]Type{}
	for pair := range strings.SplitSeq(text, ",") {
		name, word, _ := strings.Cut(pair, ":")
		i := slices.IndexFunc([]Type{Text, Integer, Float, Bool}, func(t Type) bool { return t.String() == word })
		if i < 0 {
			return types, fmt.Errorf("%q is no pair key:type", pair)
		}
		types.Extra[name] = Type(i)
	}
	return types, nil
}

// render writes a record as rows have it: encoding and time, then the fields in
// the order of their names.
func render(r *Record) string {
	if r == nil {
		return "nothing"
	}
	head := r.Encoding.String()
	if r.HasTime {
		head += fmt.Sprintf(" %d.%09d", r.Time.Sec, r.Time.Nsec)
		if r.Time.Whole {
			head += " whole"
		}
	}
	lines := []string{}
	for i := range r.Fields {
		f := &r.Fields[i]
		lines = append(lines, string(r.Name(f))+" = "+renderValue(r, f))
	}
	slices.Sort(lines)
	// What the record says of itself must be what its fields say.
	word, guest := string(r.textOf(keyParseError)), r.field(keyGuest)
	if r.Reason != OK && r.Reason.String() != word || r.Guest && (guest == nil || !guest.Bool()) || r.Agent && !r.Guest {
		lines = append(lines, fmt.Sprintf("but Reason is %q, Guest %v, Agent %v", r.Reason, r.Guest, r.Agent))
	}
	if r.Rank != LevelRank(r.textOf(keyLevel)) {
		lines = append(lines, fmt.Sprintf("but Rank is %d", r.Rank))
	}
	return strings.Join(append([]string{head}, lines...), "\n")
}

func renderValue(r *Record, f *Field) string {
	switch f.Type {
	case Integer:
		return strconv.FormatInt(f.Integer(), 10)
	case Float:
		s := strconv.FormatFloat(f.Float(), 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case Bool:
		return strconv.FormatBool(f.Bool())
	case Null:
		return "null"
	case Nested:
		return string(r.Text(f))
	}
	return quoteText(string(r.Text(f)))
}

// quoteText quotes text for the rows, with as few escapes as one line allows.
func quoteText(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '`' || r == 0x7f || r == '\u200b' || r == '\ufeff' }) {
		return strconv.Quote(s)
	}
	return "`" + s + "`"
}
