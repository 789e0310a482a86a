package logs_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// open returns the logs of files.
func open(t testing.TB, choice choose.Choice, files ...string) *logs.Logs {
	t.Helper()
	sources, errs := input.List(files, input.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	o, err := options.Parse(options.FilterPlugin, func(name string) (string, bool) { return "off", name == "preserve_key" })
	if err != nil {
		t.Fatal(err)
	}
	return logs.New(sources, logs.Config{Options: o, Choice: choice, Unread: func(err error) { t.Error(err) }})
}

// position is where a record was, and when it is.
type position struct {
	record.Position
	nano int64
}

// all returns the positions of all records, and whether they came in the order of time.
func all(t testing.TB, l *logs.Logs, sorted bool) (list []position, inOrder bool) {
	t.Helper()
	inOrder = true
	if err := l.Each(sorted, func(r *record.Record) error {
		inOrder = inOrder && (len(list) == 0 || list[len(list)-1].nano <= r.Nano)
		list = append(list, position{r.Position, r.Nano})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list, inOrder
}

// TestCorpora checks that of all logs that tests have each record comes once, in both orders.
func TestCorpora(t *testing.T) {
	files := []string{
		"../../testdata/corpus/programs.log", "../../testdata/corpus/tail.jsonl", "../../testdata/corpus/journald-edges.export",
		"../../examples/journal/input.export", "../../examples/json-files/kata-runtime.log",
	}
	plain, _ := all(t, open(t, choose.Choice{Level: -1}, files...), false)
	l := open(t, choose.Choice{Level: -1}, files...)
	l.Scan()
	sorted, inOrder := all(t, l, true)
	if !inOrder {
		t.Error("not in the order of time")
	}
	seen := map[position]int{}
	for _, p := range plain {
		seen[p]++
	}
	for _, p := range sorted {
		seen[p]--
	}
	for p, n := range seen {
		if n != 0 {
			t.Errorf("%+v is there %d times more in one order", p, n)
		}
	}
	if len(plain) < 80 {
		t.Errorf("only %d records", len(plain))
	}
}

// TestSinceUntil checks that a choice by time gives the same with the shortcuts of the sorted order
// as without.
func TestSinceUntil(t *testing.T) {
	files := []string{"../../testdata/corpus/programs.log", "../../examples/journal/input.export"}
	l := open(t, choose.Choice{Level: -1}, files...)
	whole, _ := all(t, l, false)
	for i := 0; i < len(whole); i += 7 {
		for j := 0; j < len(whole); j += 11 {
			c := choose.Choice{Level: -1, Since: whole[i].nano, Until: whole[j].nano}
			a := open(t, c, files...)
			a.Scan()
			sorted, _ := all(t, a, true)
			n := 0
			for _, p := range whole {
				if p.nano >= c.Since && p.nano < c.Until {
					n++
				}
			}
			if len(sorted) != n {
				t.Fatalf("from %d to %d: %d records, want %d", c.Since, c.Until, len(sorted), n)
			}
		}
	}
}

// TestGrowing checks that what is added to a file between the two passes changes nothing.
func TestGrowing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	const first = `time="2024-05-06T07:08:09.1Z" level=info msg=x name=kata-runtime` + "\n"
	if err := os.WriteFile(path, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, choose.Choice{Level: -1}, path)
	l.Scan()
	if err := os.WriteFile(path, []byte(first+first), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, _ := all(t, l, true); len(list) != 1 {
		t.Errorf("%d records", len(list))
	}
}

// TestTogether checks the order of inputs of which more have records of the same time than are read at
// once, and that records of one time come in the order of the inputs.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i := range 60 {
		path := filepath.Join(dir, fmt.Sprintf("%03d.log", i))
		var text strings.Builder
		for k := range 200 + 50*(i%7) {
			if k%50 == 49 {
				k -= 40 // late
			}
			fmt.Fprintf(&text, "time=\"2024-05-06T07:08:%02d.1Z\" level=info msg=\"%s\" name=kata-runtime\n", k/10, strings.Repeat("x", 1000))
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	want, _ := all(t, open(t, choose.Choice{Level: -1}, files...), false)
	slices.SortStableFunc(want, func(a, b position) int { return cmp.Compare(a.nano, b.nano) })
	l := open(t, choose.Choice{Level: -1}, files...)
	l.TempDir = dir
	l.Scan()
	got, inOrder := all(t, l, true)
	if !inOrder || !slices.Equal(got, want) {
		t.Errorf("%d records, want %d, in order: %v", len(got), len(want), inOrder)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "kata-logs-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// faulty is a Reader that panics behind some records.
type faulty struct{ reads int }

func (f *faulty) Read(b []byte, _ int) ([]byte, error) {
	if f.reads++; f.reads > 1 {
		var none []byte
		_ = none[f.reads]
	}
	b = record.AppendHeader(b, 5, 0, record.Position{Line: 1}, 1)
	return event.AppendStr(event.AppendStr(b, []byte("MESSAGE")), []byte("before the fault")), nil
}

func (f *faulty) Close() error { return nil }

// TestPanic checks that a panic while an input is read is said, and that the others are shown.
func TestPanic(t *testing.T) {
	sources, errs := input.List([]string{"../../testdata/corpus/programs.log"}, input.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	o, err := options.Parse(options.FilterPlugin, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"sorted", "unsorted", "followed"} {
		var unread []string
		l := logs.New(append([]*input.Source{{Name: "faulty", Journal: []string{"x"}}}, sources...), logs.Config{
			Options: o, Choice: choose.Choice{Level: -1},
			Unread:  func(err error) { unread = append(unread, err.Error()) },
			Journal: func(*input.Source, uint32) (logs.Reader, error) { return &faulty{}, nil },
		})
		n, ctx := 0, context.Background()
		count := func(r *record.Record) error {
			n++
			return nil
		}
		switch how {
		case "sorted":
			l.Scan()
			err = l.Each(true, count)
		case "unsorted":
			err = l.Each(false, count)
		case "followed":
			l.Inputs = l.Inputs[:1] // a file is followed for ever
			err = l.Follow(ctx, nil, count)
		}
		if err != nil || len(unread) != 1 || !strings.Contains(unread[0], `cannot read "faulty": this program has a fault`) || how != "followed" && n < 50 || n == 0 {
			t.Errorf("%s: %d records, %v, %q", how, n, err, unread)
		}
	}
}

// TestManyInputs checks that inputs which follow each other are not open together.
func TestManyInputs(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i := range 300 {
		path := filepath.Join(dir, fmt.Sprintf("%03d.log", 299-i))
		text := fmt.Sprintf("time=\"2024-05-06T%02d:%02d:09.1Z\" level=info msg=x name=kata-runtime\n", i/60, i%60)
		if err := os.WriteFile(path, []byte(strings.Repeat(text, 3)), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	l := open(t, choose.Choice{Level: -1}, files...)
	l.Scan()
	most := 0
	if err := l.Each(true, func(*record.Record) error {
		if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
			most = max(most, len(fds))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if most > 60 {
		t.Errorf("%d files were open at once", most)
	}
}

// FuzzLogs checks that of any input each record comes once, in order, whatever it is made of, and
// can be written.
func FuzzLogs(f *testing.F) {
	for _, name := range []string{"../../testdata/corpus/programs.log", "../../testdata/corpus/tail.jsonl", "../../examples/journal/input.export"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 4<<10)])
	}
	f.Add([]byte("time=\"2024-05-06T07:08:09.1Z\" level=info msg=x name=kata-runtime\nx\ntime=\"1999-05-06T07:08:09.1Z\" level=info msg=x name=kata-runtime\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "log")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		sources, errs := input.List([]string{path}, input.Options{})
		if len(errs) > 0 || len(sources[0].Journal) > 0 {
			return
		}
		l := open(t, choose.Choice{Level: -1}, path)
		l.Unread = func(error) {} // it may look compressed
		plain, _ := all(t, l, false)
		l = open(t, choose.Choice{Level: -1}, path)
		l.Unread = func(error) {}
		l.Scan()
		sorted, inOrder := all(t, l, true)
		if !inOrder || len(sorted) != len(plain) {
			t.Fatalf("%d of %d records, in order: %v", len(sorted), len(plain), inOrder)
		}
		for _, format := range output.Formats {
			var b bytes.Buffer
			w, _ := output.New(&b, output.Options{Format: format.Name, Names: l.Names, Files: l.Files()})
			if err := l.Each(true, w.Write); err != nil {
				t.Fatalf("%s: %v", format.Name, err)
			}
			if err := w.Close(); err != nil {
				t.Fatalf("%s: %v", format.Name, err)
			}
			if lines := bytes.Count(b.Bytes(), []byte("\n")); (format.Name == "json" || format.Name == "text") && lines != len(plain) {
				t.Fatalf("%s: %d lines for %d records", format.Name, lines, len(plain))
			}
		}
	})
}

// shimLog makes lines of a shim as they are in a file, of 338 bytes on average, with times that step
// back by up to 2 ms.
func shimLog(w io.Writer, n int) {
	const id = "7a01c5e2f8b94d3ea6c0174f2e9b8d5c3f6a1e0b4d7c2958ef13a60b7c4d2e91"
	b := make([]byte, 0, 1<<16)
	for i := range n {
		nano := int64(i)*1e6 + int64(i*7919%4000000)
		b = fmt.Appendf(b, "time=\"2024-05-%02dT%02d:%02d:%02d.%09dZ\" ", 6+nano/86400e9%20, nano/3600e9%24, nano/60e9%60, nano/1e9%60, nano%1e9)
		switch i % 4 {
		case 0:
			b = append(b, `level=debug msg="reading guest console" console-protocol=unix console-url=/run/vc/vm/`+id+`/console.sock name=containerd-shim-v2 pid=4242 sandbox=`+id+` source=virtcontainers subsystem=sandbox vmconsole="[    0.305113] systemd[1]: Started x"`...)
		case 1:
			b = append(b, `level=info msg="{\"timestamp\": {\"seconds\": 1557212949, \"microseconds\": 123456}, \"event\": \"RESUME\"}" name=containerd-shim-v2 pid=4242 sandbox=`+id+` source=virtcontainers/hypervisor subsystem=qmp`...)
		case 2:
			b = append(b, `level=debug msg="request end" container=`+id+` duration="87.5µs" name=containerd-shim-v2 pid=4242 resp="&Empty{}" sandbox=`+id+` source=virtcontainers subsystem=kata_agent`...)
		default:
			b = append(b, `level=debug msg="sending request" name=grpc.CreateContainerRequest pid=4242 req="container_id:\"`+id+`\" exec_id:\"`+id+`\" string_user:<>" sandbox=`+id+` source=agent-client subsystem=kata_agent`...)
		}
		b = append(b, '\n')
		if len(b) > 1<<15 {
			_, _ = w.Write(b)
			b = b[:0]
		}
	}
	_, _ = w.Write(b)
}

var benchLines = flag.Int("lines", 200700, "lines that BenchmarkJSON reads")

// BenchmarkJSON shows a file as JSON, in the order of time. For ten million lines:
//
//	go test ./internal/logs -run '^$' -bench JSON -benchtime 1x -lines 10000000
func BenchmarkJSON(b *testing.B) {
	lines := *benchLines
	path := filepath.Join(b.TempDir(), "log")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	shimLog(file, lines)
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		b.Fatal(err)
	}
	_ = file.Close()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		l := open(b, choose.Choice{Level: -1}, path)
		l.Scan()
		w, _ := output.New(io.Discard, output.Options{Format: "json", Names: l.Names, Files: l.Files()})
		if err := l.Each(true, w.Write); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines), "ns/line")
	b.ReportMetric(float64(size)/float64(lines), "B/line")
}

// TestAllocations checks that a line costs no allocation on the way to JSON.
func TestAllocations(t *testing.T) {
	const lines = 20000
	path := filepath.Join(t.TempDir(), "log")
	var text bytes.Buffer
	shimLog(&text, lines)
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(2, func() {
		l := open(t, choose.Choice{Level: -1}, path)
		l.Scan()
		w, _ := output.New(io.Discard, output.Options{Format: "json", Names: l.Names, Files: l.Files()})
		if err := l.Each(true, w.Write); err != nil {
			t.Fatal(err)
		}
	})
	if n > lines/3 { // two filters and eight batches are made anew
		t.Errorf("%.0f allocations for %d lines", n, lines)
	}
}

// TestFollowTwo follows two files that are written to at the same time; the race detector runs it,
// too.
func TestFollowTwo(t *testing.T) {
	const each = 300
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(dir, name)
		files = append(files, path)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, choose.Choice{Level: -1}, files...)
	l.Learn = true
	for _, path := range files {
		go func() {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for i := range each {
				if _, err := fmt.Fprintf(f, "time=\"2024-05-06T07:08:09.1Z\" level=info msg=%d name=kata-runtime sandbox=%d\n", i, i); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	next := map[uint32]int{}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := l.Follow(ctx, nil, func(r *record.Record) error {
		if got := string(r.Text("kata_msg")); got != fmt.Sprint(next[r.File]) || r.Line != uint64(next[r.File]+1) {
			t.Errorf("file %d: %s in line %d, want %d", r.File, got, r.Line, next[r.File])
		}
		next[r.File]++
		if next[0]+next[1] == 2*each {
			cancel()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if next[0] != each || next[1] != each {
		t.Errorf("%v records", next)
	}
}
