// Package lines reads text of any of the kinds in which Kata's logs come to hand, and makes
// records of it. Each line is recognised by itself, so that kinds may be mixed in one file:
//
//	reader.go   Reader: lines and their length
//	prefix.go   journalctl -o short and its relatives, syslog files, klog
//	json.go     journalctl -o json, Fluent Bit's JSON lines, Docker's files
//	export.go   journalctl -o export
//	container.go logs of containers as the CRI has them
//
// What the message of a record means is not decided here but by the filter, as it is in Fluent
// Bit: a reader says only who wrote the message and when, as far as the line's form tells.
package lines

import (
	"bytes"
	"errors"
	"io"
	"time"

	jsoniter "github.com/json-iterator/go"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Options say what a Reader cannot know from the text.
type Options struct {
	File uint32 // index of the file, for Position
	// Zone is that of times that name none; nil means UTC.
	Zone *time.Location
	// Newest is a time that no record is much later than, from which the year of times without
	// one is known. The zero Time means now.
	Newest time.Time
	// Follow says that the input may grow: a line that has no end waits for it, see Finish.
	Follow bool
}

// Kind is what a line was recognised as.
type Kind uint8

const (
	Message   Kind = iota // a message by itself: logfmt, JSON, any text
	Short                 // with the prefix of journalctl -o short* or of syslog
	Journal               // journalctl -o json
	Export                // journalctl -o export
	FluentBit             // a record of Fluent Bit as JSON, or of Docker
	Container             // a line of a container's log as the CRI has it
	Klog                  // text of Kubernetes' programs
	Kinds     = int(Klog) + 1
)

var kindWords = [Kinds]string{"message", "short", "journal-json", "journal-export", "fluent-bit", "container", "klog"}

// String returns the word for the kind that stats shows.
func (k Kind) String() string { return kindWords[k] }

// Reader makes records of a text. It keeps its memory, of which it has little beside that of
// the longest line, and is for one goroutine at a time.
type Reader struct {
	o      Options
	src    io.Reader
	buf    []byte
	at     int    // where the next line starts
	size   int    // how much of buf is text
	line   uint64 // lines that were read
	offset int64  // bytes that were read of src and are before at
	eof    bool
	piece  bool // the line before was a piece, and this goes on

	Counts [Kinds]uint64 // records by kind

	last     prefix // of the line before, for the lines that go on without one
	entry    Entry
	json     *jsoniter.Iterator
	partials map[string]*partial
	clock    clock
}

// NewReader returns a Reader of src.
func NewReader(src io.Reader, o Options) *Reader {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Newest.IsZero() {
		o.Newest = time.Now()
	}
	return &Reader{
		o: o, src: src, buf: make([]byte, firstBuffer),
		json: jsoniter.NewIterator(jsoniter.ConfigDefault),
	}
}

const (
	firstBuffer = 64 << 10
	keptBuffer  = 1 << 20
)

// Read appends records to b until limit bytes of the input have been read, and returns the
// extended slice. The same input is divided in the same way by each Reader. The error is io.EOF
// at the end of the input; an error of the input comes with the records before it, and a line
// that has no end is a record only at the end of the input.
func (r *Reader) Read(b []byte, limit int) ([]byte, error) {
	for end := r.offset + int64(limit); r.offset < end; {
		line, flags, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) && !r.o.Follow {
				b = r.flushPartials(b)
			}
			return b, err
		}
		b = r.record(b, line, flags)
	}
	return b, nil
}

// Lines returns how many lines were read.
func (r *Reader) Lines() uint64 { return r.line }

// Offset returns how many bytes of the input have become records.
func (r *Reader) Offset() int64 { return r.offset }

// Continue lets the Reader go on after io.EOF, when the input may have grown.
func (r *Reader) Continue() { r.eof = false }

// Finish says that the input does not grow any more.
func (r *Reader) Finish() { r.o.Follow, r.eof = false, false }

// fill reads more of the input behind what is in the buffer.
func (r *Reader) fill() error {
	if r.eof {
		return io.EOF
	}
	if r.at > 0 && (r.at == r.size || r.size == len(r.buf)) {
		r.size = copy(r.buf, r.buf[r.at:r.size])
		r.at = 0
		if len(r.buf) > keptBuffer && r.size < firstBuffer {
			r.buf = append(make([]byte, 0, firstBuffer), r.buf[:r.size]...)[:firstBuffer]
		}
	}
	if r.size == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.size:])
		r.size += n
		if err == io.EOF {
			r.eof = true
			if n > 0 {
				return nil
			}
		}
		if err != nil || n > 0 {
			return err
		}
	}
	return io.ErrNoProgress
}

// next returns the next line, without its end. It is valid until the next call.
func (r *Reader) next() (line []byte, flags record.Flags, err error) {
	for from := r.at; ; {
		if i := bytes.IndexByte(r.buf[from:r.size], '\n'); i >= 0 {
			line = r.buf[r.at : from+i]
			r.offset += int64(len(line)) + 1
			r.at = from + i + 1
			if !r.piece {
				r.line++
			} else {
				flags = record.Piece
			}
			r.piece = false
			return bytes.TrimSuffix(line, []byte("\r")), flags, nil
		}
		if r.size-r.at >= record.MaxLine {
			n := cut(r.buf[r.at : r.at+record.MaxLine])
			line = r.buf[r.at : r.at+n]
			r.at += n
			r.offset += int64(n)
			if !r.piece {
				r.line++
			}
			r.piece = true
			return line, record.Piece, nil
		}
		from = r.size
		at := r.at
		if err := r.fill(); err != nil {
			if !errors.Is(err, io.EOF) || r.at == r.size || r.o.Follow {
				return nil, 0, err
			}
			line = r.buf[r.at:r.size]
			r.offset += int64(len(line))
			r.at = r.size
			flags = record.NoEnd
			if r.piece {
				flags |= record.Piece
			} else {
				r.line++
			}
			r.piece = false
			return line, flags, nil
		}
		from -= at - r.at
	}
}

// cut returns the length of text, or less so that no character is cut in two.
func cut(text []byte) int {
	for i := len(text) - 1; i > len(text)-4; i-- {
		if text[i] < 0x80 {
			break
		}
		if text[i] >= 0xc0 {
			return i
		}
	}
	return len(text)
}

// take returns the next n bytes of the input. They are valid until the next call.
func (r *Reader) take(n int) ([]byte, error) {
	for r.size-r.at < n {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	data := r.buf[r.at : r.at+n]
	r.at += n
	r.offset += int64(n)
	r.line += uint64(bytes.Count(data, []byte("\n")))
	return data, nil
}

// record appends the record of a line, if it has one.
func (r *Reader) record(b, line []byte, flags record.Flags) []byte {
	if flags&record.Piece != 0 {
		r.Counts[Message]++
		return r.appendPiece(b, line, flags)
	}
	if len(line) == 0 {
		return b
	}
	switch c := line[0]; {
	case c == 't': // the most frequent kind: time="
	case c == '{':
		if out, kind := r.appendJSON(b, line, flags); kind != Message {
			r.Counts[kind]++
			return out
		}
		if line[len(line)-1] != '}' {
			flags |= record.Torn
		}
	case c == '_':
		if isExport(line) {
			r.Counts[Export]++
			return r.appendExport(b, line, flags)
		}
	case c == 0x1e: // journalctl -o json-seq
		return r.record(b, line[1:], flags)
	case c == 'd' && bytes.HasPrefix(line, []byte("data: {")): // journalctl -o json-sse
		return r.record(b, line[len("data: "):], flags)
	case '0' <= c && c <= '9':
		if out, ok := r.appendContainer(b, line, flags); ok {
			r.Counts[Container]++
			return out
		}
		fallthrough
	case c == '[' || 'A' <= c && c <= 'Z':
		if p, ok := r.prefix(line); ok {
			r.last = p
			r.last.identifier, r.last.host, r.last.pid = bytes.Clone(p.identifier), bytes.Clone(p.host), bytes.Clone(p.pid)
			r.Counts[Short]++
			return r.appendShort(b, &p, p.message, flags)
		}
		if sec, nsec, ok := r.klog(line); ok {
			r.Counts[Klog]++
			return r.appendMessage(b, line, sec, nsec, flags)
		}
	case c == ' ' && r.last.indent > 0 && isIndented(line):
		// The second line of a message, under the first.
		r.Counts[Short]++
		return r.appendShort(b, &r.last, bytes.TrimLeft(line, " "), flags)
	}
	r.last.indent = 0
	r.Counts[Message]++
	return r.appendMessage(b, line, 0, 0, flags|record.NoTime)
}

// isIndented reports whether journalctl may have written a line as one more of a message.
func isIndented(line []byte) bool { return len(line) > minIndent && string(line[:minIndent]) == spaces }

const (
	spaces    = "               "
	minIndent = len(spaces) // of a short time
)

// appendMessage appends a record that is only a message.
func (r *Reader) appendMessage(b, message []byte, sec, nsec uint32, flags record.Flags) []byte {
	start := len(b)
	b = record.AppendHeader(b, sec, nsec, record.Position{File: r.o.File, Line: r.line, Flags: flags | record.Plain}, 1)
	if who := runtimeOf(message); who != "" {
		record.SetLen(b[start:], 2)
		b = appendText(b, "SYSLOG_IDENTIFIER", who)
	}
	return appendPair(b, "MESSAGE", message)
}

// appendPiece appends a piece of a line that is too long, in the form in which journald has
// those that it cuts: so the rest is text, whatever it looks like.
func (r *Reader) appendPiece(b, text []byte, flags record.Flags) []byte {
	n := 2
	if r.piece {
		n++
	}
	b = record.AppendHeader(b, 0, 0, record.Position{File: r.o.File, Line: r.line, Flags: flags | record.NoTime}, n)
	b = appendText(b, "_STREAM_ID", "line")
	if r.piece {
		b = appendText(b, "_LINE_BREAK", "line-max")
	}
	return appendPair(b, "MESSAGE", text)
}

// IsLog reports whether a text, of which this is the start, is the log of a program by itself: half of
// its lines, or more, start as records in logfmt or JSON do.
func IsLog(head []byte) bool {
	records, others := 0, 0
	for line := range bytes.Lines(head) {
		switch {
		case bytes.HasPrefix(line, []byte(`time="`)), bytes.HasPrefix(line, []byte(`{"`)):
			records++
		case len(bytes.TrimSpace(line)) > 0:
			others++
		}
	}
	return records > 0 && records >= others
}

// runtimeOf returns the identifier of the container runtime whose words a message in logfmt or JSON
// has, if they are those that name the pod of a sandbox: the log of a runtime by itself has no
// identifiers.
func runtimeOf(line []byte) string {
	var text []byte
	switch start := line[:min(len(line), 80)]; {
	case line[0] == 't':
		_, text, _ = bytes.Cut(start, []byte(` msg="`))
	case line[0] == '{':
		_, text, _ = bytes.Cut(start, []byte(`"msg":"`))
	}
	switch {
	case len(text) == 0 || text[0]|0x20 != 'r':
	case bytes.HasPrefix(text, []byte("RunPodSandbox for ")):
		return "containerd"
	case bytes.HasPrefix(text[1:], []byte("an pod sandbox ")):
		return "crio"
	}
	return ""
}

func appendText(b []byte, key, value string) []byte {
	b = append(event.AppendStrHeader(b, len(key)), key...)
	return append(event.AppendStrHeader(b, len(value)), value...)
}

func appendPair(b []byte, key string, value []byte) []byte {
	b = append(event.AppendStrHeader(b, len(key)), key...)
	return event.AppendStr(b, value)
}
