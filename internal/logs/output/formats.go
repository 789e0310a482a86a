package output

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/xml"
	"strconv"

	"github.com/BurntSushi/toml"
	"github.com/go-logfmt/logfmt"
	"go.yaml.in/yaml/v3"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// bufWriter appends to the buffer of a base.
type bufWriter struct{ *base }

func (w bufWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// timeOf returns the time as text, empty for a record without one.
func (b *base) timeOf(r *record.Record) string {
	if r.Flags&record.NoTime != 0 {
		return ""
	}
	return string(b.time.append(nil, r.Nano))
}

type logfmtLines struct {
	*base
	enc *logfmt.Encoder
}

func newLogfmt(b *base) format { return &logfmtLines{b, logfmt.NewEncoder(bufWriter{b})} }

func (l *logfmtLines) write(r *record.Record) error {
	// The encoder returns an error only for a key or value that it cannot write; without
	// those the rest of the record is written.
	_ = l.enc.EncodeKeyval("time", l.timeOf(r))
	_ = l.enc.EncodeKeyval("file", l.file(r.File))
	_ = l.enc.EncodeKeyval("line", r.Line)
	for i := range r.Pairs {
		p := &r.Pairs[i]
		v := value(p)
		if p.Text != nil {
			v = p.Text
		}
		_ = l.enc.EncodeKeyval(p.Key, v)
	}
	return l.enc.EndRecord()
}

func (l *logfmtLines) end() error { return nil }

// csvColumns are the columns behind time, file and line, without the prefix; the last one has all
// other fields as a JSON object.
var csvColumns = []string{"level", "source", "subsystem", "name", "pid", "sandbox", "container", "guest", "msg", "parse_error"}

type csvRows struct {
	*base
	w      *csv.Writer
	row    []string
	header bool
}

func newCSV(b *base) format { return &csvRows{base: b, w: csv.NewWriter(bufWriter{b})} }

func (c *csvRows) writeHeader() {
	if c.header {
		return
	}
	c.header = true
	c.row = append(c.row[:0], "time", "file", "line")
	for _, name := range csvColumns {
		c.row = append(c.row, c.Names.Prefix+name)
	}
	_ = c.w.Write(append(c.row, "fields"))
}

func (c *csvRows) write(r *record.Record) error {
	c.writeHeader()
	c.row = append(c.row[:0], c.timeOf(r), c.file(r.File), strconv.FormatUint(r.Line, 10))
	taken := map[int]bool{}
	for _, name := range csvColumns {
		cell := ""
		for i := range r.Pairs {
			p := &r.Pairs[i]
			if len(p.Key) == len(c.Names.Prefix)+len(name) && string(p.Key) == c.Names.Prefix+name {
				taken[i] = true
				cell = cellText(p)
				break
			}
		}
		c.row = append(c.row, cell)
	}
	fields := []byte{'{'}
	for i := range r.Pairs {
		if taken[i] {
			continue
		}
		p := &r.Pairs[i]
		if len(fields) > 1 {
			fields = append(fields, ',')
		}
		fields = append(appendString(fields, p.Key), ':')
		fields, _ = appendValue(fields, p.Value, 0, 0)
	}
	if err := c.w.Write(append(c.row, string(append(fields, '}')))); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

func cellText(p *record.Pair) string {
	if p.Text != nil {
		return string(p.Text)
	}
	b, _ := appendValue(nil, p.Value, 0, 0)
	return string(b)
}

func (c *csvRows) end() error {
	c.writeHeader()
	c.w.Flush()
	return c.w.Error()
}

// export writes journal entries. Fields get names as journald allows them: in capitals, and with
// '_' for all that is no letter or digit.
type export struct{ *base }

func newExport(b *base) format { return &export{b} }

func (e *export) write(r *record.Record) error {
	b := append(e.buf, "__REALTIME_TIMESTAMP="...)
	b = strconv.AppendInt(b, r.Nano/1000, 10)
	b = append(b, "\nKATA_LOGS_FILE="...)
	b = append(b, bytes.ReplaceAll([]byte(e.file(r.File)), []byte("\n"), []byte("?"))...)
	b = append(b, "\nKATA_LOGS_LINE="...)
	b = strconv.AppendUint(b, r.Line, 10)
	b = append(b, '\n')
	for i := range r.Pairs {
		p := &r.Pairs[i]
		text := p.Text
		if text == nil {
			text, _ = appendValue(nil, p.Value, 0, 0)
		}
		b = appendFieldName(b, p.Key)
		if bytes.IndexByte(text, '\n') < 0 {
			b = append(append(append(b, '='), text...), '\n')
			continue
		}
		b = append(b, '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(text)))
		b = append(append(b, text...), '\n')
	}
	e.buf = append(b, '\n')
	return nil
}

// appendFieldName appends a key as the name of a field of at most 64 bytes.
func appendFieldName(b, key []byte) []byte {
	if len(key) == 0 || '0' <= key[0] && key[0] <= '9' {
		b = append(b, 'F')
	}
	for _, c := range key[:min(len(key), 63)] {
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z' || '0' <= c && c <= '9':
		default:
			c = '_'
		}
		b = append(b, c)
	}
	return b
}

func (e *export) end() error { return nil }

// fieldsOf returns all that a record has, for encoders that take maps.
func (b *base) fieldsOf(r *record.Record) map[string]any {
	m := make(map[string]any, len(r.Pairs)+3)
	for i := range r.Pairs {
		p := &r.Pairs[i]
		m[string(bytes.ToValidUTF8(p.Key, []byte("\ufffd")))] = value(p)
	}
	m["time"], m["file"], m["line"] = b.timeOf(r), b.file(r.File), r.Line
	return m
}

type yamlList struct {
	*base
	any bool
}

func newYAML(b *base) format { return &yamlList{base: b} }

func (y *yamlList) write(r *record.Record) error {
	y.any = true
	text, err := yaml.Marshal([]any{y.fieldsOf(r)})
	y.buf = append(y.buf, text...)
	return err
}

func (y *yamlList) end() error {
	if !y.any {
		y.buf = append(y.buf, "[]\n"...)
	}
	return nil
}

type tomlTables struct{ *base }

func newTOML(b *base) format { return &tomlTables{b} }

func (t *tomlTables) write(r *record.Record) error {
	m := t.fieldsOf(r)
	for key, v := range m {
		switch v := v.(type) {
		case nil:
			delete(m, key) // TOML has no null
		case string:
			m[key] = string(bytes.ToValidUTF8([]byte(v), []byte("\ufffd")))
		}
	}
	t.buf = append(t.buf, "[[record]]\n"...)
	enc := toml.NewEncoder(bufWriter{t.base})
	if err := enc.Encode(m); err != nil {
		return err
	}
	t.buf = append(t.buf, '\n')
	return nil
}

func (t *tomlTables) end() error { return nil }

type xmlDocument struct {
	*base
	any bool
}

func newXML(b *base) format { return &xmlDocument{base: b} }

func (x *xmlDocument) start() {
	if !x.any {
		x.any = true
		x.buf = append(x.buf, xml.Header+"<records>\n"...)
	}
}

func (x *xmlDocument) write(r *record.Record) error {
	x.start()
	w := bufWriter{x.base}
	x.buf = append(x.buf, `<record time="`...)
	x.buf = append(x.buf, x.timeOf(r)...)
	x.buf = append(x.buf, `" file="`...)
	_ = xml.EscapeText(w, []byte(x.file(r.File)))
	x.buf = append(x.buf, `" line="`...)
	x.buf = strconv.AppendUint(x.buf, r.Line, 10)
	x.buf = append(x.buf, `">`...)
	for i := range r.Pairs {
		p := &r.Pairs[i]
		x.buf = append(x.buf, `<field name="`...)
		_ = xml.EscapeText(w, p.Key)
		x.buf = append(x.buf, `">`...)
		_ = xml.EscapeText(w, []byte(cellText(p)))
		x.buf = append(x.buf, "</field>"...)
	}
	x.buf = append(x.buf, "</record>\n"...)
	return nil
}

func (x *xmlDocument) end() error {
	x.start()
	x.buf = append(x.buf, "</records>\n"...)
	return nil
}
