package main

import (
	"bufio"
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

var benchLines = flag.Int("lines", 200_700, "lines of the log that the benchmark reads")

// runtimeLog writes lines of kata-runtime's log, about 338 bytes each, in the order of time but for
// those of other processes: as of a node with many pods.
func runtimeLog(b *testing.B, path string, lines int) (size int64) {
	b.Helper()
	const block = 100_000
	g := gen.New(1, 100)
	g.Mode = gen.Logfmt
	var text bytes.Buffer
	for range min(block, lines) {
		for _, f := range g.Record().Fields {
			if f.Key == "MESSAGE" {
				text.WriteString(f.Value + "\n")
			}
		}
	}
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	day := time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)
	for left := lines; left > 0; left -= block {
		part := text.Bytes()
		if left < block {
			part = bytes.Join(bytes.SplitAfterN(part, []byte("\n"), left+1)[:left], nil)
		}
		n, err := w.Write(bytes.ReplaceAll(part, []byte("2024-05-06T"), []byte(day.Format("2006-01-02T"))))
		if err != nil {
			b.Fatal(err)
		}
		size += int64(n)
		day = day.AddDate(0, 0, 1)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	return size
}

// measure runs a program whose output is thrown away, and returns its processor time and the most
// memory that it has had, in KiB.
func measure(b *testing.B, cmd *exec.Cmd) (cpu time.Duration, peak int64) {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	most := make(chan int64)
	go func() {
		var n int64
		for {
			n = max(n, peakOf(cmd.Process.Pid))
			select {
			case <-done:
				most <- n
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, out, make([]byte, 1<<20))
	close(done)
	peak = <-most
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak
}

// BenchmarkCompare runs the program over a log of -lines lines with JSON as the output, and
// kata-log-parser, if KATA_LOG_PARSER names it, over the same.
func BenchmarkCompare(b *testing.B) {
	path := filepath.Join(b.TempDir(), "kata.log")
	size := runtimeLog(b, path, *benchLines)
	run := func(name string, args ...string) {
		b.Run(filepath.Base(name), func(b *testing.B) {
			var cpu time.Duration
			var peak int64
			for b.Loop() {
				c, p := measure(b, exec.Command(name, args...))
				cpu += c
				peak = max(peak, p)
			}
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N)/float64(*benchLines), "cpu-ns/line")
			b.ReportMetric(float64(peak)/1024, "MiB")
			b.ReportMetric(float64(size)/float64(*benchLines), "B/line")
		})
	}
	run(binary, "-o", "json", path)
	if other := os.Getenv("KATA_LOG_PARSER"); other != "" {
		run(other, strings.Fields("--ignore-missing-fields --output-format json "+path)...)
	}
}

// TestRuntimeLog checks that the log of the benchmark is read whole and in order.
func TestRuntimeLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kata.log")
	testing.Benchmark(func(b *testing.B) { runtimeLog(b, path, 3000) })
	r := runWith(t, "", "-o", "json", path)
	before, n := "", 0
	for line := range strings.Lines(r.stdout) {
		if when := line[:40]; when < before {
			t.Fatalf("%s comes behind %s", when, before)
		} else {
			before = when
		}
		n++
	}
	if check := runWith(t, "", "check", "--summary", path); n != 3000 || !strings.Contains(check.stdout, "records\t"+strconv.Itoa(n)+"\ndamaged\t0\n") {
		t.Errorf("%d records: %s", n, check.stdout)
	}
}
