package journal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The benchmarks read a journal of systemd-journal-remote with 20,000 entries of 22 fields, and
// report the processor's time, since other work on the machine makes the wall clock's useless.

func benchmarkJournal(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "x.journal")
	remote(b, path, exportText(1, 20000, ID{1}, start, 1000))
	return path
}

func processorTime(b *testing.B) int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return now.Nano()
}

func benchmark(b *testing.B, options Options, match string, each func(e *Entry)) {
	r := open(b, options, benchmarkJournal(b))
	if match != "" {
		r.Match("SYSLOG_IDENTIFIER", match)
	}
	b.ReportAllocs()
	from := processorTime(b)
	for b.Loop() {
		if !r.Next() {
			r.SeekHead()
			if !r.Next() {
				b.Fatal("no entry")
			}
		}
		each(r.Entry())
	}
	b.ReportMetric(float64(processorTime(b)-from)/float64(b.N), "cpu-ns/op")
	whole(b, r)
}

// BenchmarkFields gives all fields of all entries.
func BenchmarkFields(b *testing.B) {
	n := 0
	benchmark(b, Options{}, "", func(e *Entry) { n += len(e.Fields()) })
	if n == 0 {
		b.Fatal("no fields")
	}
}

func BenchmarkVerified(b *testing.B) {
	benchmark(b, Options{VerifyHashes: true}, "", func(e *Entry) { e.Fields() })
}

// BenchmarkMatched gives all fields of a quarter of the entries.
func BenchmarkMatched(b *testing.B) {
	benchmark(b, Options{}, "kata", func(e *Entry) { e.Fields() })
}

// BenchmarkMessage gives one field.
func BenchmarkMessage(b *testing.B) {
	benchmark(b, Options{}, "", func(e *Entry) {
		if _, ok := e.Field("MESSAGE"); !ok {
			b.Fatal("no message")
		}
	})
}

func BenchmarkNext(b *testing.B) {
	benchmark(b, Options{}, "", func(*Entry) {})
}

// BenchmarkLibsystemd does what BenchmarkFields does in C.
func BenchmarkLibsystemd(b *testing.B) {
	const source = `
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <systemd/sd-journal.h>

int main(int argc, char **argv) {
	const char *paths[] = {argv[1], NULL};
	long left = atol(argv[2]), fields = 0;
	sd_journal *j;
	struct timespec from, to;
	if (sd_journal_open_files(&j, paths, 0) < 0)
		return 1;
	sd_journal_set_data_threshold(j, 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	while (left > 0) {
		sd_journal_seek_head(j);
		while (left > 0 && sd_journal_next(j) > 0) {
			const void *data;
			size_t size;
			SD_JOURNAL_FOREACH_DATA(j, data, size)
				fields++;
			left--;
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	printf("%lld %ld\n", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec, fields);
	return 0;
}
`
	dir := b.TempDir()
	program := filepath.Join(dir, "loop")
	if err := os.WriteFile(program+".c", []byte(source), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("cc", "-O2", "-o", program, program+".c", "-lsystemd").CombinedOutput(); err != nil {
		b.Skipf("no C compiler or no libsystemd to compile with: %v\n%s", err, out)
	}
	path := benchmarkJournal(b)
	const n = 100000
	for b.Loop() {
		out, err := exec.Command(program, path, strconv.Itoa(n)).Output()
		if err != nil {
			b.Fatal(err)
		}
		words := strings.Fields(string(out))
		ns, err := strconv.ParseFloat(words[0], 64)
		if err != nil || words[1] == "0" {
			b.Fatalf("%q", out)
		}
		b.ReportMetric(ns/n, "cpu-ns/entry")
	}
}
