package fluentbit

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/page"
	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/stat"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// sample is the resident memory of a process at some part of its work.
type sample struct {
	done float64
	mem  int64
}

// tenths returns the medians, in MiB, for each tenth of the work.
func tenths(samples []sample) (x []float64) {
	total := samples[len(samples)-1].done
	for tenth := 1.0; tenth <= 10; tenth++ {
		var some []float64
		for _, s := range samples {
			if s.done > total*(tenth-1)/10 && s.done <= total*tenth/10 {
				some = append(some, float64(s.mem)/(1<<20))
			}
		}
		if len(some) == 0 { // it was too short for a sample
			some = []float64{float64(samples[len(samples)-1].mem) / (1 << 20)}
		}
		x = append(x, stat.Median(some))
	}
	return x
}

// soakTable returns a table of the memory of several processes by tenths of the work, and of
// what the last one, with the library, has more than the first, without a filter.
func soakTable(names []string, runs [][]float64) string {
	head := []string{"resident MiB in tenth"}
	for i := range 10 {
		head = append(head, strconv.Itoa(i+1))
	}
	var rows [][]string
	add := func(name string, x []float64) {
		row := []string{name}
		for _, mem := range x {
			row = append(row, fmt.Sprintf("%.1f", mem))
		}
		rows = append(rows, row)
	}
	for i, x := range runs {
		add(names[i], x)
	}
	base, added := runs[0], slices.Clone(runs[len(runs)-1])
	for i := range added {
		added[i] -= base[i]
	}
	add("added by the library", added)
	return page.Table(head, rows)
}

// SoakStandIn passes many records to the library in the stand-in for Fluent Bit, which does
// nothing else, so that all growth of memory is the library's.
func (b *Bench) SoakStandIn(records int) (string, error) {
	standIn := filepath.Join(b.dir, "host")
	sources, err := filepath.Glob(filepath.Join(root, "internal/host/src/*.c"))
	if err != nil {
		return "", err
	}
	if err := b.cc(standIn, append(sources, "-rdynamic", "-ldl", "-lpthread", "-lm")...); err != nil {
		return "", err
	}
	copying := filepath.Join(b.dir, "flb-filter_copying.so")
	if err := b.cc(copying, "-shared", "-fPIC", "-DOBJECT=filter_kata_plugin", filepath.Join(b.dir, "copy.c")); err != nil {
		return "", err
	}
	chunk, n := gen.Chunk(nil, gen.New(1, 100), 1_024_000)
	path := filepath.Join(b.dir, "mixed.msgpack")
	if err := os.WriteFile(path, chunk, 0o644); err != nil {
		return "", err
	}
	var runs [][]float64
	for _, library := range []string{copying, b.library} {
		samples, err := watched(exec.Command(standIn, "-q", "--repeat", strconv.Itoa(records/n+1), library, path))
		if err != nil {
			return "", err
		}
		runs = append(runs, tenths(samples))
	}
	return soakTable([]string{"the stand-in, copying chunks", "the stand-in with the library"}, runs), nil
}

// watched runs a command and samples its memory. The measure of its work is the time.
func watched(cmd *exec.Cmd) (samples []sample, err error) {
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for start := time.Now(); ; {
		select {
		case err := <-ended:
			if len(samples) == 0 && err == nil {
				err = fmt.Errorf("%v ended at once", cmd.Args)
			}
			return samples, err
		case <-time.After(10 * time.Millisecond):
			if mem := status(cmd.Process.Pid, "VmRSS"); mem > 0 {
				samples = append(samples, sample{time.Since(start).Seconds(), mem})
			}
		}
	}
}

// Soak sends many records of all kinds through Fluent Bit and samples its memory: without a
// filter, with one that copies, with one that adds fixed pairs, and with the library.
func (b *Bench) Soak(program string, records int) (string, error) {
	frames := frames(20)
	var runs [][]float64
	for _, name := range []string{"none", "copy", "grow", "kata"} {
		p := pipelines[slices.IndexFunc(pipelines, func(p pipeline) bool { return p.name == name })]
		port, err := freePort()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(os.Stderr, "soak: %s\n", p.name)
		forward := "\n[INPUT]\n    Name    forward\n    Listen  127.0.0.1\n    Port    " + port + "\n"
		passed := make(chan int, 1)
		u, err := b.run(job{
			program: program, library: p.library, file: "bench.conf", config: service + forward + p.filter + null,
			records: records, passed: passed,
			drive: func() error { return send("127.0.0.1:"+port, frames, records, passed) },
		})
		if err != nil {
			return "", err
		}
		runs = append(runs, tenths(u.samples))
	}
	return soakTable([]string{"Fluent Bit without a filter", "Fluent Bit with one that copies", "Fluent Bit with one that adds fixed pairs", "Fluent Bit with the library"}, runs), nil
}

// frame is a message of the forward protocol.
type frame struct {
	bytes   []byte
	records int
}

// frames returns messages with 1000 different records each.
func frames(n int) (all []frame) {
	g := gen.New(1, 100)
	for range n {
		const records = 1000
		var entries []byte
		for range records {
			r := g.Record()
			entries = event.AppendTime(event.AppendArrayHeader(entries, 2), r.Sec, r.Nsec)
			entries = event.AppendMapHeader(entries, len(r.Fields))
			for _, f := range r.Fields {
				entries = event.AppendStr(event.AppendStr(entries, []byte(f.Key)), []byte(f.Value))
			}
		}
		b := event.AppendStr(event.AppendArrayHeader(nil, 2), []byte("kata"))
		b = append(binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(len(entries))), entries...)
		all = append(all, frame{b, records})
	}
	return all
}

// Records are sent at a constant rate that any machine can keep up with, since buffered records
// must not be measured. Fluent Bit updates its counters once a second; the second figure is
// for a machine that does not keep up.
const (
	perSecond = 80_000
	ahead     = 3 * perSecond
)

// send sends frames in turn.
func send(address string, frames []frame, records int, passed <-chan int) error {
	var conn net.Conn
	var err error
	for range 100 { // until Fluent Bit listens
		if conn, err = net.Dial("tcp", address); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	start := time.Now()
	for sent, done := 0, 0; sent < records; {
		time.Sleep(time.Until(start.Add(time.Duration(sent) * time.Second / perSecond)))
		if sent >= done+ahead {
			var ok bool
			if done, ok = <-passed; !ok {
				return nil
			}
			continue
		}
		f := frames[sent/frames[0].records%len(frames)]
		if _, err := conn.Write(f.bytes); err != nil {
			return err
		}
		sent += f.records
	}
	for range passed { // the connection stays open until the last record is processed
	}
	return nil
}
