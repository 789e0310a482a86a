package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// decode returns the objects of a run with -o json.
func decode(t *testing.T, text string) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var m map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		list = append(list, m)
	}
	return list
}

// TestSameAsFilter compares the fields with what the filter gives in Fluent Bit for the same
// journal: examples/journal.
func TestSameAsFilter(t *testing.T) {
	want, err := os.ReadFile("../../examples/journal/output.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	expected := map[string]map[string]any{} // by message
	for _, m := range decode(t, string(want)) {
		delete(m, "date")
		expected[fmt.Sprint(m["MESSAGE"], m["SYSLOG_IDENTIFIER"], m["kata_msg"])] = m
	}
	r := runWith(t, "", "-o", "json", "-O", "preserve_key=on", "../../examples/journal/input.export")
	n := 0
	for _, m := range decode(t, r.stdout) {
		for _, key := range []string{"time", "file", "line"} {
			delete(m, key)
		}
		e := expected[fmt.Sprint(m["MESSAGE"], m["SYSLOG_IDENTIFIER"], m["kata_msg"])]
		if e == nil {
			continue // the example leaves out programs of which it has no records
		}
		n++
		for key := range e { // such as the map with the pod
			if !strings.HasPrefix(key, "kata_") {
				delete(e, key)
			}
		}
		for key := range m {
			if !strings.HasPrefix(key, "kata_") {
				delete(m, key)
			}
		}
		if !reflect.DeepEqual(m, e) {
			t.Errorf("kata-logs has\n%v\nthe filter\n%v", m, e)
		}
	}
	if n < 8 {
		t.Errorf("only %d records were compared", n)
	}
}

// TestOrder compares the order with a sort in memory, of an input that is in order, nearly in order
// and not at all, as a file, compressed and from a pipe.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, spread := range []int64{0, 1000, 1 << 40} {
		const n = 20000 // several batches
		times := make([]int64, n)
		var text bytes.Buffer
		for i := range times {
			times[i] = int64(i)*1e6 + 1
			if spread > 0 {
				times[i] = max(1, times[i]-r.Int64N(min(spread*1e6, times[i]+1)))
			}
			text.WriteString(line(times[i], strconv.Itoa(i)))
			if i%100 == 0 {
				text.WriteString("goroutine 1 [running]: " + strconv.Itoa(i) + "\n") // keeps its place
			}
		}
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return int(times[a] - times[b]) })
		var want []string
		for _, i := range order {
			want = append(want, strconv.Itoa(i))
			if i%100 == 0 {
				want = append(want, "goroutine "+strconv.Itoa(i))
			}
		}
		check := func(name string, r result) {
			t.Helper()
			var got []string
			for _, m := range decode(t, r.stdout) {
				if msg, ok := m["kata_msg"].(string); ok {
					got = append(got, msg)
					continue
				}
				words := strings.Fields(m["MESSAGE"].(string))
				got = append(got, "goroutine "+words[len(words)-1])
				if m["time"] != nil {
					t.Errorf("%s: a line without a time has one: %v", name, m)
				}
			}
			if !slices.Equal(got, want) {
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						t.Fatalf("%s, spread %d: record %d is %s, want %s", name, spread, i, got[i], want[i])
					}
				}
				t.Fatalf("%s, spread %d: %d records, want %d", name, spread, len(got), len(want))
			}
		}
		path := write(t, "log", text.String())
		check("file", runWith(t, "", "-o", "json", path))
		check("pipe", runWith(t, text.String(), "-o", "json", "-"))
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.Copy(z, bytes.NewReader(text.Bytes()))
		_ = z.Close()
		check("gzip", runWith(t, "", "-o", "json", write(t, "a", packed.String())))
		packed.Reset()
		s, _ := zstd.NewWriter(&packed)
		_, _ = io.Copy(s, bytes.NewReader(text.Bytes()))
		_ = s.Close()
		check("zstd", runWith(t, packed.String(), "-o", "json", "-"))
	}
}

// TestSpool checks what comes of standard input that is longer than what is kept.
func TestSpool(t *testing.T) {
	text := line(3, "three") + line(1, "one") + line(2, "two") + line(9, "last")
	for limit := 1; limit < len(text)+2; limit += 37 {
		r := runWith(t, text, "-o", "json", "--spool", strconv.Itoa(limit), "-")
		var got []string
		for _, m := range decode(t, r.stdout) {
			got = append(got, m["kata_msg"].(string))
		}
		if slices.Sort(got); fmt.Sprint(got) != "[last one three two]" {
			t.Errorf("limit %d: %v, %s", limit, got, r.stderr)
		}
		if warned := strings.Contains(r.stderr, "--spool"); warned != (limit < len(text)) {
			t.Errorf("limit %d of %d: %q", limit, len(text), r.stderr)
		}
	}
}

// TestNamedPipe checks that a pipe with a name, such as a shell makes for <(command), is read like a
// file.
func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		_, _ = f.WriteString(line(3, "three") + line(1, "one"))
		_ = f.Close()
	}()
	var got []string
	for _, m := range decode(t, runWith(t, "", "-o", "json", path).stdout) {
		got = append(got, m["kata_msg"].(string))
	}
	if fmt.Sprint(got) != "[one three]" {
		t.Errorf("got %v", got)
	}
}

// TestMemory checks that the program needs no more than 64 MB, however long the input, the lines
// and the disorder are.
func TestMemory(t *testing.T) {
	const most = 64 << 10 // KiB
	dir := t.TempDir()
	const n = 100000
	makeLog := func(name string, time func(i int64) int64) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriter(f)
		pad := name + strings.Repeat("x", 200)
		for i := range int64(n) {
			_, _ = w.WriteString(line(time(i), pad))
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		return path
	}
	inOrder := makeLog("in-order", func(i int64) int64 { return i * 1e6 })
	reversed := makeLog("reversed", func(i int64) int64 { return (n - i) * 1e6 })
	var several []string
	for i := range int64(8) {
		several = append(several, makeLog(fmt.Sprintf("part-%d", i), func(n int64) int64 { return n*1e6 + i }))
	}
	var many []string
	for i := range 200 {
		var b strings.Builder
		for k := range int64(1000) {
			b.WriteString(line(k*1e6+int64(i), strings.Repeat("x", 200)))
		}
		many = append(many, write(t, fmt.Sprintf("many-%03d", i), b.String()))
	}
	long := write(t, "long", line(1, strings.Repeat("y", 10<<20))+line(2, "z"))
	ids := write(t, "ids", func() string {
		var b strings.Builder
		for i := range 100000 {
			fmt.Fprintf(&b, "time=\"2024-05-06T07:08:09.1Z\" level=info msg=\"%x\" name=kata-runtime sandbox=%064x source=%x\n", i, i, i)
		}
		return b.String()
	}())
	for _, test := range []struct {
		args  []string
		lines int
		most  int64
	}{
		{[]string{"-o", "json", inOrder}, n, most},
		{[]string{"-o", "json", reversed}, n, most},
		{[]string{"merge", "-o", "text", inOrder, reversed}, 2 * n, most},
		{append([]string{"-o", "json"}, several...), 8 * n, most},
		{append([]string{"-o", "json"}, many...), 200000, most},
		{[]string{"-o", "json", long}, 7, most},
		{[]string{"check", inOrder}, 0, most},
		{[]string{"timeline", "55bb0000", inOrder}, 0, most},
		{[]string{"stats", ids}, -1, most}, // what a guest may fill is bounded, too
		{[]string{"sandboxes", ids}, 1<<14 + 1, most},
	} {
		cmd := command(test.args...)
		cmd.Env = append(cmd.Env, "TMPDIR="+dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		peak := make(chan int64)
		done := make(chan struct{})
		go func() {
			var most int64
			for {
				most = max(most, peakOf(cmd.Process.Pid))
				select {
				case <-done:
					peak <- most
					return
				case <-time.After(2 * time.Millisecond):
				}
			}
		}()
		lines := 0
		buf := [64 << 10]byte{}
		for {
			k, err := out.Read(buf[:])
			lines += bytes.Count(buf[:k], []byte("\n"))
			if err != nil {
				break
			}
		}
		close(done)
		rss := <-peak
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v: %v: %s", test.args, err, stderr.String())
		}
		t.Logf("%v: %d KiB", test.args[:2], rss)
		if rss == 0 || rss > test.most || test.lines >= 0 && lines != test.lines {
			t.Errorf("%v: %d KiB, %d lines, want %d", test.args, rss, lines, test.lines)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "kata-logs-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// peakOf returns the most memory that a process has had, in KiB. That of os.ProcessState would be
// that of this test, from which the process was forked.
func peakOf(pid int) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(words[0], 10, 64)
	return n
}

// TestPods checks that the records of a pod are found by what comes later in another file, by the
// node's files, and by the names and ids in text.
func TestPods(t *testing.T) {
	const id = "7a01c5e2f8b94d3ea6c0174f2e9b8d5c3f6a1e0b4d7c2958ef13a60b7c4d2e91"
	const other = "55bb111111111111111111111111111111111111111111111111111111111111"
	shim := `time="2024-05-06T07:08:09.1Z" level=info msg="of %s" name=containerd-shim-v2 sandbox=%s source=virtcontainers` + "\n"
	kata := write(t, "kata.log", fmt.Sprintf(shim, "web", id)+fmt.Sprintf(shim, "other", other)+fmt.Sprintf(shim, "nobody", strings.Repeat("0", 64))+
		// A guest cannot put itself in the place of a pod.
		`time="2024-05-06T07:08:09.1Z" level=debug msg="reading guest console" name=containerd-shim-v2 sandbox=`+other+` source=virtcontainers vmconsole="shop/web-0 `+id+`"`+"\n")
	runtime := write(t, "containerd.log", `time="2024-05-06T07:08:10.1Z" level=info msg="RunPodSandbox for &PodSandboxMetadata{Name:web-0,Uid:0c1f,Namespace:shop,Attempt:0,} returns sandbox id \"`+id+`\""`+"\n"+
		`time="2024-05-06T07:08:11.1Z" level=info msg="StopPodSandbox for \"`+id+`\""`+"\n"+
		`I0506 07:08:12.123456    1234 kubelet.go:123] "SyncLoop" pod="shop/web-0"`+"\n"+
		`I0506 07:08:12.123456    1234 kubelet.go:123] "SyncLoop" pod="shop/web-01"`+"\n")
	texts := func(args ...string) string {
		t.Helper()
		r := runWith(t, "", append(args, "-o", "json", "-O", "sandbox_metadata_roots=/nonexistent")...)
		var list []string
		for _, m := range decode(t, r.stdout) {
			text, _ := m["kata_msg"].(string)
			if text == "" {
				text, _ = m["MESSAGE"].(string)
			}
			words := strings.Fields(text)
			list = append(list, words[0]+" "+words[1])
		}
		return strings.Join(list, ", ")
	}
	const ofWeb = "of web, RunPodSandbox for, StopPodSandbox for, I0506 07:08:12.123456"
	for _, name := range []string{"web-0", "shop/web-0", "s*/web-?"} {
		want := ofWeb
		if strings.Contains(name, "*") { // text is searched for names, not for patterns
			want = strings.TrimSuffix(want, ", I0506 07:08:12.123456")
		}
		if got := texts("--pod", name, kata, runtime); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := texts("--pod", "other/web-0", kata, runtime); got != "" {
		t.Errorf("of another namespace: %s", got)
	}
	if got := texts("--sandbox", id[:10], kata, runtime); got != "of web, RunPodSandbox for, StopPodSandbox for" {
		t.Errorf("by id: %s", got)
	}
	fluentBit := write(t, "fluent-bit.jsonl", `{"date":1714979289.5,"MESSAGE":"of web","kubernetes":{"n":1,"pod_name":"web-0","namespace_name":"shop"}}`+"\n"+
		`{"date":1714979289.5,"MESSAGE":"of web-1","kubernetes":{"pod_name":"web-1","namespace_name":"shop"}}`+"\n")
	if got := texts("--pod", "shop/web-0", fluentBit); got != "of web" {
		t.Errorf("by Fluent Bit's map: %s", got)
	}
	if got := texts("--pod", "web-0", "--no-node", kata); got != "" {
		t.Errorf("without the other file: %s", got)
	}
	// The node's files have 55bb...
	if r := runWith(t, "", "sandboxes", "-o", "json", "-O", "sandbox_metadata_roots=/nonexistent", kata); strings.Contains(r.stdout, `"pod"`) {
		t.Errorf("a pod from nowhere: %s", r.stdout)
	}
	root, err := filepath.Abs("../../testdata/pods/containerd")
	if err != nil {
		t.Fatal(err)
	}
	r := runWith(t, "", "sandboxes", "-o", "json", "-O", "sandbox_metadata_roots="+root, kata)
	if !strings.Contains(r.stdout, `"sandbox":"`+other+`","pod":"web-0"`) {
		t.Errorf("no pod from the node's files: %s%s", r.stdout, r.stderr)
	}
}

// TestWhoNamesPods has logs in which somebody says which pod a sandbox belongs to, and the pod that it
// gets: only the container runtime counts, by the rule of the filter.
func TestWhoNamesPods(t *testing.T) {
	const id = "7a01c5e2f8b94d3ea6c0174f2e9b8d5c3f6a1e0b4d7c2958ef13a60b7c4d2e91"
	says := func(level, pod string) string {
		return `time="2024-05-06T07:08:10.1Z" level=` + level + ` msg="RunPodSandbox for &PodSandboxMetadata{Name:` + pod + `,Uid:0c1f,Namespace:shop,Attempt:0,} returns sandbox id \"` + id + `\""`
	}
	entry := func(unit, identifier, message string) string {
		if unit != "" {
			unit = "_SYSTEMD_UNIT=" + unit + "\n"
		}
		return "__REALTIME_TIMESTAMP=1714979290000000\n" + unit + "SYSLOG_IDENTIFIER=" + identifier + "\n_TRANSPORT=stdout\nMESSAGE=" + message + "\n\n"
	}
	kata := `time="2024-05-06T07:08:09.1Z" level=debug msg="reading guest console" name=containerd-shim-v2 sandbox=` + id + ` source=virtcontainers vmconsole=`
	const json = `{"date":1714979290.5,"SYSLOG_IDENTIFIER":"containerd",`
	for name, test := range map[string]struct{ log, want string }{
		"containerd by its unit":    {entry("containerd.service", "containerd", says("info", "web-0")), "web-0"},
		"another unit":              {entry("user@1000.service", "containerd", says("info", "web-0")), ""},
		"no unit":                   {entry("", "containerd", says("info", "web-0")), ""},
		"another program":           {entry("containerd.service", "kata", says("info", "web-0")), ""},
		"an error":                  {entry("containerd.service", "containerd", says("error", "web-0")), ""},
		"a field":                   {entry("containerd.service", "containerd", `time="2024-05-06T07:08:10.1Z" level=info msg=x pod_name=web-0 pod_namespace=shop sandbox=`+id), ""},
		"a field of a plain text":   {`time="2024-05-06T07:08:10.1Z" level=info msg=x pod_name=web-0 pod_namespace=shop sandbox=` + id, ""},
		"a line of containerd":      {says("info", "web-0"), "web-0"},
		"the same as JSON":          {`{"level":"info","msg":"RunPodSandbox for name:\"web-0\" uid:\"0c1f\" namespace:\"shop\" returns sandbox id \"` + id + `\"","time":"2024-05-06T07:08:10.1Z"}`, "web-0"},
		"journalctl -o short":       {"May 06 07:08:10 node-1 containerd[871]: " + says("info", "web-0"), "web-0"},
		"the same of Kata's":        {"May 06 07:08:10 node-1 kata[871]: " + says("info", "web-0"), ""},
		"a container":               {"2024-05-06T07:08:10.1Z stdout F " + says("info", "web-0"), ""},
		"a guest":                   {kata + strconv.Quote(says("info", "web-0")), ""},
		"a guest's record":          {kata + strconv.Quote(`{"msg":"x","level":"INFO","pod_name":"web-0","pod_namespace":"shop","sandbox":"`+id+`"}`), ""},
		"two texts":                 {says("info", "web-0") + "\n" + says("info", "web-1"), ""},
		"the same twice":            {says("info", "web-0") + "\n" + says("info", "web-0"), "web-0"},
		"a text, then the unit":     {says("info", "web-1") + "\n" + entry("containerd.service", "containerd", says("info", "web-0")), "web-0"},
		"the unit, then a text":     {entry("containerd.service", "containerd", says("info", "web-0")) + says("info", "web-1"), "web-0"},
		"texts that differ, a unit": {says("info", "web-1") + "\n" + says("info", "web-2") + "\n" + entry("crio.service", "containerd", says("info", "web-0")), "web-0"},
		"the filter's record": {json + `"kata_level":"info","kata_sandbox":"` + id + `","kata_pod_name":"web-0","kata_pod_namespace":"shop","kata_msg":"RunPodSandbox for &PodSandboxMetadata{Name:web-0,} returns sandbox id"}`,
			"web-0"},
		"a field in the filter's record": {json + `"kata_level":"info","kata_sandbox":"` + id + `","kata_pod_name":"web-0","kata_msg":"x"}`, ""},
		"a guest in the filter's record": {json + `"kata_level":"info","kata_guest":true,"kata_sandbox":"` + id + `","kata_pod_name":"web-0","kata_msg":"RunPodSandbox for x"}`, ""},
	} {
		log := write(t, "log", test.log+"\n"+kata+"x\n")
		r := runWith(t, "", "sandboxes", "--no-node", "-o", "json", log)
		pod, _ := decode(t, r.stdout)[0]["pod"].(string)
		if pod != test.want {
			t.Errorf("%s: the pod is %q, want %q", name, pod, test.want)
		}
		chosen := strings.Contains(runWith(t, "", "-o", "json", "--pod", "shop/web-0", "--no-node", log).stdout, `"kata_msg":"x"`)
		if chosen != (test.want != "") {
			t.Errorf("%s: --pod chooses it: %v", name, chosen)
		}
		if warned := strings.Contains(r.stderr, "are not known"); warned != (name == "two texts") {
			t.Errorf("%s: %q", name, r.stderr)
		}
	}
}

// TestFollow follows a file that grows, is truncated, is rotated, and is written to all the time.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kata.log")
	appendTo := func(text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	appendTo(line(1, "first"))
	cmd := command("-f", "-o", "json", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer killed.Stop()
	lines := bufio.NewScanner(out)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("no %s", want)
		}
		if got := decode(t, lines.Text())[0]["kata_msg"]; got != want {
			t.Fatalf("got %v, want %s", got, want)
		}
	}
	expect("first")
	whole := line(2, "in two parts")
	appendTo(whole[:40])
	time.Sleep(3 * time.Millisecond) // it may be seen or not
	appendTo(whole[40:])
	expect("in two parts")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // a file that has grown as long again is not known to have been truncated
	appendTo(line(3, "after truncation"))
	expect("after truncation")
	appendTo(line(4, "before rotation"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(line(5, "after rotation"))
	expect("before rotation")
	expect("after rotation")
	// Truncated again and again while lines are read: those that are given are whole.
	for i := range 200 {
		if i%20 == 0 {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}
		appendTo(line(int64(10+i), "busy"))
	}
	appendTo(line(999, "end"))
	for {
		if !lines.Scan() {
			t.Fatal("no end")
		}
		m := decode(t, lines.Text())[0]
		if m["kata_msg"] == "end" {
			break
		}
		if m["kata_msg"] != "busy" && m["kata_msg"] != nil {
			t.Fatalf("%v", m)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after an interrupt: %v", err)
	}
}

// TestFollowPipe checks that a line comes while the pipe is open.
func TestFollowPipe(t *testing.T) {
	cmd := command("-f", "-o", "json", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer killed.Stop()
	lines := bufio.NewScanner(out)
	for i := range 3 {
		_, _ = io.WriteString(in, line(int64(i), strconv.Itoa(i)))
		if !lines.Scan() || decode(t, lines.Text())[0]["kata_msg"] != strconv.Itoa(i) {
			t.Fatalf("%d: %s", i, lines.Text())
		}
	}
	_ = in.Close()
	if lines.Scan() {
		t.Errorf("more: %s", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestFollowEnds checks that what cannot grow is read to its end: a pipe with a name, and a compressed file.
func TestFollowEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		_, _ = f.WriteString(line(3, "three") + line(1, "one"))
		_ = f.Close()
	}()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(line(3, "three") + line(1, "one")))
	_ = z.Close()
	for _, input := range []string{path, write(t, "packed", packed.String())} {
		r := runWith(t, "", "-f", "-o", "json", input)
		var got []string
		for _, m := range decode(t, r.stdout) {
			got = append(got, m["kata_msg"].(string))
		}
		if fmt.Sprint(got) != "[three one]" || r.status != 0 || r.stderr != "" {
			t.Errorf("%s: %v, %+v", input, got, r)
		}
	}
}

// onTerminal runs the program on a terminal and returns what it writes there.
func onTerminal(t *testing.T, env []string, args ...string) string {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals: %v", err)
	}
	defer control.Close()
	if err := unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("there are no terminals: %v", err)
	}
	n, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skipf("there are no terminals: %v", err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals: %v", err)
	}
	cmd := command(args...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	var all bytes.Buffer
	_, _ = io.Copy(&all, control) // ends with an error when nobody has the terminal open
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v: %q", args, err, all.String())
	}
	return all.String()
}

// TestTerminal checks colours, the pager, and that what a guest wrote reaches no terminal as it is.
func TestTerminal(t *testing.T) {
	hostile := "\x1b]0;owned\x07\x1b[2J\u009b31m\u202eevil\r"
	log := write(t, "log", `time="2024-05-06T07:08:09.1Z" level=info msg="reading guest console" name=containerd-shim-v2 sandbox=55bb source=virtcontainers vmconsole=`+
		strconv.Quote(hostile)+"\n"+hostile+"\nMay 06 07:08:09 host\x1b[5m kata[1]: "+hostile+"\n")
	for _, args := range [][]string{
		{"--color=never"}, {"--all", "--color=never"}, {"-o", "json"}, {"-o", "logfmt"}, {"-o", "csv"}, {"-o", "export"}, {"-o", "yaml"}, {"-o", "toml"}, {"-o", "xml"},
		{"check", "--strict"}, {"stats"}, {"stats", "-o", "json"}, {"sandboxes"}, {"timeline", "55bb0000"}, {"merge", "--color=never"},
	} {
		status := []string{}
		if args[0] == "check" {
			continue // its exit status is not 0; the output is that of Escape
		}
		got := onTerminal(t, status, append(args, log)...)
		for _, r := range strings.ReplaceAll(got, "\r\n", "\n") {
			if r != '\n' && r != '\t' && !strconv.IsPrint(r) {
				t.Errorf("%v: %q", args, got)
				break
			}
		}
	}
	if r := runWith(t, "", "check", "--strict", log); strings.ContainsAny(r.stdout, "\x1b\u202e\u009b\r") || r.stdout == "" {
		t.Errorf("check: %q", r.stdout)
	}
	const escape = "\x1b["
	if got := onTerminal(t, nil, log); !strings.Contains(got, escape+"32minfo") {
		t.Errorf("no colour: %q", got)
	}
	if got := onTerminal(t, []string{"NO_COLOR=1"}, log); strings.Contains(got, escape) {
		t.Errorf("colour in spite of NO_COLOR: %q", got)
	}
	if got := runWith(t, "", log).stdout; strings.Contains(got, escape) {
		t.Errorf("colour in a pipe: %q", got)
	}
	if got := runWith(t, "", "--color=always", log).stdout; !strings.Contains(got, escape) {
		t.Errorf("no colour: %q", got)
	}
	pager := []string{"KATA_LOGS_PAGER=sed s/^/paged:/"}
	if got := onTerminal(t, pager, log); !strings.HasPrefix(got, "paged:") {
		t.Errorf("no pager: %q", got)
	}
	if got := onTerminal(t, pager, "--no-pager", log); strings.Contains(got, "paged:") {
		t.Errorf("a pager in spite of --no-pager: %q", got)
	}
	if got := onTerminal(t, []string{"KATA_LOGS_PAGER=true"}, log); got != "" { // it does not read
		t.Errorf("got %q", got)
	}
}

// TestTimeline checks the phases of a sandbox, from the messages of the Go runtime and the agent.
func TestTimeline(t *testing.T) {
	const id = "7a01c5e2f8b94d3ea6c0174f2e9b8d5c3f6a1e0b4d7c2958ef13a60b7c4d2e91"
	var log strings.Builder
	for i, msg := range []string{
		"loaded configuration", "endpoints found after scan", "Attaching endpoint", "Starting VM", "VM started", "New client", "Agent started in the sandbox",
		"Sandbox is started", "Container is started", "Stopping sandbox in the VM", "Stopping VM", "Shutdown() start",
	} {
		at := int64(i) * 1e8
		if i > 3 {
			at += 2e9 // the VM takes its time
		}
		if i > 8 {
			at += 60e9 // the container runs
		}
		log.WriteString(strings.Replace(line(at+1, msg), "55bb", id, 1))
	}
	r := runWith(t, "", "timeline", "-o", "json", id[:12], write(t, "log", log.String()))
	var life struct {
		Steps []struct {
			Phase    string `json:"phase"`
			Slowest  bool   `json:"slowest"`
			Duration int64  `json:"duration_ns"`
		} `json:"steps"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &life); err != nil {
		t.Fatal(err, r)
	}
	var got []string
	for _, s := range life.Steps {
		mark := ""
		if s.Slowest {
			mark = "!"
		}
		got = append(got, s.Phase+mark)
	}
	if want := "shim started, network, VMM started!, VM started, agent connected, sandbox created, container started, stop, VM stopped, deleted"; strings.Join(got, ", ") != want {
		t.Errorf("got %v", got)
	}
	if life.Steps[2].Duration != 2.1e9 {
		t.Errorf("the VM took %d ns", life.Steps[2].Duration)
	}
	html := runWith(t, "", "timeline", "-o", "html", id[:12], write(t, "<script>.log", log.String())).stdout
	if strings.Contains(html, "<script>.log") || !strings.Contains(html, `class="slowest"`) || !strings.Contains(html, "&lt;script&gt;.log") {
		t.Errorf("%s", html)
	}
}

// TestMergeDuplicates checks that the shim's line is shown once if it is in two logs.
func TestMergeDuplicates(t *testing.T) {
	one := line(1500000001, "x") + line(1500000002, "y")
	whole := strings.Replace(line(3000000000, "whole second"), ".000000000Z", "Z", 1)
	two := line(1500000001, "x") + whole
	three := whole
	r := runWith(t, "", "merge", "-o", "json", write(t, "a", one), write(t, "b", two), write(t, "c", three))
	var got []string
	for _, m := range decode(t, r.stdout) {
		got = append(got, m["kata_msg"].(string))
	}
	if fmt.Sprint(got) != "[x y whole second whole second]" {
		t.Errorf("got %v", got)
	}
}

// TestJournal compares what is read of journald's files with what journalctl -o export printed of
// them, which is beside them.
func TestJournal(t *testing.T) {
	files, err := filepath.Glob("../../testdata/journal/*.journal")
	if err != nil || len(files) == 0 {
		t.Fatal("no journals", err)
	}
	records := func(r result) (list []string) {
		t.Helper()
		for _, m := range decode(t, r.stdout) {
			if m["SYSLOG_IDENTIFIER"] == nil {
				continue
			}
			delete(m, "file")
			delete(m, "line")
			text, _ := json.Marshal(m)
			list = append(list, string(text))
		}
		slices.Sort(list) // the export has records of one time in another order
		return list
	}
	for _, file := range files {
		got := records(runWith(t, "", "-o", "json", file))
		want := records(runWith(t, "", "-o", "json", strings.TrimSuffix(file, ".journal")+".export"))
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	all := runWith(t, "", "-o", "json", "--journal=../../testdata/journal")
	since := runWith(t, "", "-o", "json", "--journal=../../testdata/journal", "--since", "2023-11-14T22:13:20.03Z")
	if a, b := len(decode(t, all.stdout)), len(decode(t, since.stdout)); b == 0 || b >= a {
		t.Errorf("%d records, and %d since a time in between", a, b)
	}
}

// TestFollowPod checks that the pod of a sandbox is looked up while its log is followed.
func TestFollowPod(t *testing.T) {
	root, err := filepath.Abs("../../testdata/pods/containerd")
	if err != nil {
		t.Fatal(err)
	}
	const id = "55bb111111111111111111111111111111111111111111111111111111111111"
	shim := `time="2024-05-06T07:08:09.1Z" level=info msg=%s name=containerd-shim-v2 sandbox=%s source=virtcontainers` + "\n"
	shim = strings.Replace(shim, "level=info", "level=debug", 1)
	r := runWith(t, fmt.Sprintf(shim, "other", strings.Repeat("0", 64))+fmt.Sprintf(shim, "web", id),
		"-f", "-o", "json", "--pod", "shop/web-0", "-O", "sandbox_metadata_roots="+root, "-")
	list := decode(t, r.stdout)
	if len(list) != 1 || list[0]["kata_msg"] != "web" {
		t.Errorf("%v %s", list, r.stderr)
	}
}

// remote is systemd-journal-remote, which writes entries to a file as they come.
type remote struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
}

func startRemote(t *testing.T, file string) *remote {
	t.Helper()
	var path string
	for _, p := range []string{"/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"} {
		if _, err := os.Stat(p); err == nil {
			path = p
		}
	}
	if path == "" {
		t.Skip("systemd-journal-remote is not installed; Debian has it in the package of that name")
	}
	r := &remote{t: t, cmd: exec.Command(path, "--output="+file, "-")}
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// write writes an entry with a time in microseconds since 1970.
func (r *remote) write(usec int64, msg string) {
	r.t.Helper()
	_, err := fmt.Fprintf(r.in, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=7c1b2a9e0d3f4b5c8e6f708192a3b4c5\n_MACHINE_ID=11111111111141118111111111111111\nSYSLOG_IDENTIFIER=kata\nMESSAGE=%s\n\n",
		usec, usec-1714978800000000, strings.TrimSpace(line(usec*1000-1714978800e9, msg)))
	if err != nil {
		r.t.Fatal(err)
	}
}

// stop ends the program when it has written all.
func (r *remote) stop() {
	if r.cmd.ProcessState == nil {
		_ = r.in.Close()
		_ = r.cmd.Wait()
	}
}

// TestFollowJournal follows a journal that is written to, and rotated.
func TestFollowJournal(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "remote.journal")
	const start = 1714978810000000
	r := startRemote(t, file)
	r.write(start, "too old")
	r.write(start+10e6, "first")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no journal")
		}
	}
	cmd := command("-f", "-o", "json", "--since", "2024-05-06 07:00:15", "--journal="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer killed.Stop()
	lines := bufio.NewScanner(out)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("no %s: %s", want, stderr.String())
		}
		if got := decode(t, lines.Text())[0]["kata_msg"]; got != want {
			t.Fatalf("got %v, want %s", got, want)
		}
	}
	expect("first")
	for i := range int64(5) {
		r.write(start+20e6+i, strconv.FormatInt(i, 10))
		expect(strconv.FormatInt(i, 10))
	}
	for round := range int64(2) {
		r.write(start+(30+round*10)*1e6, "last before rotation")
		r.stop()
		if err := os.Rename(file, filepath.Join(dir, fmt.Sprintf("remote@%d.journal", round))); err != nil {
			t.Fatal(err)
		}
		r = startRemote(t, file)
		r.write(start+(35+round*10)*1e6, "first after rotation")
		expect("last before rotation")
		expect("first after rotation")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("after an interrupt: %v, %s", err, stderr.String())
	}
}

// TestSkew checks that merge says how far the time of an input steps back.
func TestSkew(t *testing.T) {
	r := runWith(t, "", "merge", write(t, "a", line(5e9, "x")+line(2e9, "y")+line(6e9, "z")))
	if !strings.Contains(r.stderr, "a: 3 records from 2024-05-06T07:00:02.000000Z to 2024-05-06T07:00:06.000000Z, steps back in time of up to 3s\n") {
		t.Errorf("%q", r.stderr)
	}
}

// TestClocks checks what merge says of clocks: of hosts in the log of one syslog server, of a host and who
// received its records, and of inputs with the same sandboxes.
func TestClocks(t *testing.T) {
	message := func(nano int64) string { return strings.TrimSuffix(line(nano, strconv.FormatInt(nano, 10)), "\n") }
	prefix := func(nano int64, host string) string {
		return time.Date(2024, 5, 6, 7, 0, 0, 0, time.UTC).Add(time.Duration(nano)).Format("2006-01-02T15:04:05.000000Z") + " " + host + " kata[1]: "
	}
	var central, agree, received, behind, coarse, early, late strings.Builder
	for i := range int64(20) {
		now := i*3e8 + 10e9
		host, ahead := "node-1", int64(0)
		if i%2 == 1 {
			host, ahead = "node-2", 2e9
		}
		central.WriteString(prefix(now+ahead, host) + message(now+ahead+1) + "\n")
		agree.WriteString(prefix(now+1e6, host) + message(now+1) + "\n")
		received.WriteString(prefix(now+1e6, "node-1") + message(now+3e9+1) + "\n")
		behind.WriteString(prefix(now+1e6, "node-1") + message(now-3e9+1) + "\n")
		coarse.WriteString("May  6 07:00:" + fmt.Sprintf("%02d", now/1e9) + " node-1 kata[1]: " + message(now+1) + "\n")
		early.WriteString(message(now+1) + "\n")
		late.WriteString(message(now+600e9+1) + "\n")
	}
	for name, test := range map[string]struct {
		inputs []string
		want   string // empty for no word of clocks
	}{
		"central":  {[]string{central.String()}, "the clock of node-2 is about 2s ahead of that of node-1, by the order of their records\n"},
		"agree":    {[]string{agree.String()}, ""},
		"received": {[]string{received.String()}, "the clock of node-1 is about 2.999s ahead of the one by which its records were received\n"},
		"behind":   {[]string{behind.String()}, "the clock of node-1 is about 3.001s behind the one by which its records were received\n"},
		"coarse":   {[]string{coarse.String()}, ""},
		"apart":    {[]string{early.String(), late.String()}, "of 1 sandboxes that "},
		"together": {[]string{early.String(), early.String()}, ""},
	} {
		args := []string{"merge", "--no-node", "-o", "json", "--input-zone", "UTC"}
		for i, text := range test.inputs {
			args = append(args, write(t, strconv.Itoa(i), text))
		}
		r := runWith(t, "", args...)
		if (test.want == "") != !strings.Contains(r.stderr, "clock") || !strings.Contains(r.stderr, test.want) {
			t.Errorf("%s: %s", name, r.stderr)
		}
		if twice := strings.Contains(r.stderr, "they were there twice: 20 records"); twice != (name == "together") {
			t.Errorf("%s: %s", name, r.stderr)
		}
	}
}

// TestProgress checks that progress is shown after a while, removed, and never without a terminal.
func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, true)
	p.add(10 << 20)
	if b.Len() > 0 {
		t.Errorf("at once: %q", b.String())
	}
	p.begun = p.begun.Add(-time.Minute)
	p.add(20 << 20)
	p.add(1) // not so soon again
	p.clear()
	if got := b.String(); got != "\r30 MiB read, 60 s\r\x1b[K" {
		t.Errorf("got %q", got)
	}
	b.Reset()
	p = newProgress(&b, false)
	p.begun = p.begun.Add(-time.Minute)
	p.add(1)
	p.clear()
	(*progress)(nil).add(1)
	(*progress)(nil).clear()
	if b.Len() > 0 {
		t.Errorf("without a terminal: %q", b.String())
	}
}

// TestRoundTrip checks that the program reads its own JSON, and gives the same again.
func TestRoundTrip(t *testing.T) {
	first := runWith(t, "", "-o", "json", "../../testdata/corpus/programs.log", "../../testdata/corpus/tail.jsonl", "../../examples/journal/input.export")
	second := runWith(t, first.stdout, "-o", "json", "-")
	want, got := decode(t, first.stdout), decode(t, second.stdout)
	if len(want) < 70 || len(got) != len(want) {
		t.Fatalf("%d records, %d again", len(want), len(got))
	}
	for i := range want {
		for _, m := range []map[string]any{want[i], got[i]} {
			delete(m, "file")
			delete(m, "line")
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("got\n%v\nwant\n%v", got[i], want[i])
		}
	}
}
