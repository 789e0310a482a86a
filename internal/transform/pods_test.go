package transform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// What is in testdata/pods.
var (
	webSandbox   = "55bb" + strings.Repeat("1", 60) // of containerd
	apiSandbox   = "66cc" + strings.Repeat("2", 60) // of CRI-O
	appContainer = "77aa" + strings.Repeat("3", 60) // of the pod web-0
	webUID       = "0c1f3a52-9d3b-4f0e-8a35-6f1f9f0d7c11"
)

// podRoots is the value of sandbox_metadata_roots for testdata/pods.
func podRoots(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../testdata/pods")
	if err != nil {
		t.Fatal(err)
	}
	return path + "/containerd," + path + "/crio," + path + "/containers"
}

// podFilter returns an instance that looks below testdata/pods.
func podFilter(t testing.TB, pairs ...string) *Filter {
	t.Helper()
	f := filter(t, append([]string{"sandbox_metadata", "on", "sandbox_metadata_roots", podRoots(t)}, pairs...)...)
	t.Cleanup(f.Close)
	return f
}

const head = `time="2020-01-01T00:00:00.5Z" level=info msg=hello `

// mapOf returns the map with the pod as it is in the result of text, and "" if there is none.
func mapOf(result, key string) string {
	_, rest, ok := strings.Cut(result, key+"={")
	if !ok {
		return ""
	}
	m, _, _ := strings.Cut(rest, "}")
	return strings.ReplaceAll(m, `"`, "")
}

// TestPods: which ids lead to a pod.
func TestPods(t *testing.T) {
	const (
		web = "namespace_name:shop,pod_id:0c1f3a52-9d3b-4f0e-8a35-6f1f9f0d7c11,pod_name:web-0"
		api = "namespace_name:shop,pod_id:9a8b7c6d-1111-4222-8333-444455556666,pod_name:api-7d4b9"
	)
	app := "container_name:app,docker_id:" + appContainer + "," + web
	kata := func(message string, own ...string) []string {
		return append([]string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", message}, own...)
	}
	native := func(message string, own ...string) []string {
		return append([]string{"SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime", "SOURCE", webSandbox, "PRIORITY", "6", "MESSAGE", message}, own...)
	}
	for _, c := range []struct {
		name   string
		record []string
		want   string
	}{
		{"a line of the host", kata(head + "sandbox=" + webSandbox + " source=virtcontainers"), web},
		{"CRI-O", kata(head + "sandbox=" + apiSandbox + " source=virtcontainers"), api},
		{"sandbox under another key", kata(head + "sandboxid=" + webSandbox), web},
		{"a container of the host's", kata(head + "sandbox=" + webSandbox + " container=" + appContainer), app},
		{"a container alone", kata(head + "container-id=" + appContainer), app},
		{"a container that has no log", kata(head + "sandbox=" + webSandbox + " container=" + webSandbox), "docker_id:" + webSandbox + "," + web},
		{"JSON", kata(`{"time":"2020-01-01T00:00:00.5Z","level":"info","msg":"m","sandbox":"` + webSandbox + `"}`), web},
		{"runtime-rs", native("m"), web},
		{"runtime-rs, a guest", native("m", "SUBSYSTEM", "agent"), web},
		{"runtime-rs, JSON", kata(`{"msg":"m","level":"INFO","ts":"2020-01-01T00:00:00.5Z","name":"kata-runtime","source":"` + webSandbox + `","subsystem":"s"}`), web},
		{"the command line", kata("panic: x", "_COMM", "containerd-shim", "_UID", "0", "_CMDLINE", "/opt/kata/bin/containerd-shim-kata-v2 -namespace k8s.io -id "+webSandbox), web},
		{"the command line of another user", kata("panic: x", "_COMM", "containerd-shim", "_UID", "1", "_CMDLINE", "/x/containerd-shim-kata-v2 -id "+webSandbox), ""},
		{"a console's text", kata(head + "sandbox=" + webSandbox + ` source=virtcontainers vmconsole="text"`), web},
		{"a guest that names another sandbox", kata(head + "sandbox=" + webSandbox + ` source=virtcontainers vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"sandbox\":\"` + apiSandbox + `\"}"`), web},
		{"a guest that names a sandbox where the host has none", kata(head + `source=virtcontainers vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"sandbox\":\"` + apiSandbox + `\"}"`), ""},
		{"a guest's container", kata(head + "sandbox=" + webSandbox + ` source=virtcontainers vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"container-id\":\"` + appContainer + `\"}"`), web},
		{"a guest's container alone", kata(head + `source=virtcontainers vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"container-id\":\"` + appContainer + `\"}"`), ""},
		{"a guest that names a pod", kata(head + `source=virtcontainers vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"pod_name\":\"x\",\"kubernetes\":{\"pod_name\":\"x\"}}"`), ""},
		{"a sandbox that nobody knows", kata(head + "sandbox=" + strings.Repeat("9", 64)), ""},
		{"no id", kata(head + "sandbox=../../etc"), ""},
		{"no sandbox", kata(head), ""},
		{"a map that is there", append(kata(head+"sandbox="+webSandbox), "kubernetes", "mine"), ""},
	} {
		f := podFilter(t)
		got := one(t, f, c.record...)
		if m := mapOf(got, "kubernetes"); m != c.want {
			t.Errorf("%s:\n%s\nwant\n%s\nin %s", c.name, m, c.want, got)
		}
		if plain := one(t, filter(t), c.record...); strings.Contains(plain, "kubernetes={") {
			t.Errorf("%s: without the option %s", c.name, plain)
		}
	}
}

// TestPodOptions: the map is at the top whatever other options say, and no name comes twice.
func TestPodOptions(t *testing.T) {
	record := []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", head + "sandbox=" + webSandbox + " container=" + appContainer}
	const own = "SYSLOG_IDENTIFIER=kata "
	message := "MESSAGE=" + record[3] + " "
	pod := `kubernetes={"container_name":"app","docker_id":"` + appContainer + `","namespace_name":"shop","pod_id":"` + webUID + `","pod_name":"web-0"}`
	parsed := "kata_container=" + appContainer + " kata_level=info kata_msg=hello kata_sandbox=" + webSandbox
	f := func(want string, options []string, more ...string) {
		t.Helper()
		if got := one(t, podFilter(t, options...), append(record[:4:4], more...)...); got != at+want {
			t.Errorf("%v:\n%s\nwant\n%s", options, got, at+want)
		}
	}
	f(message+own+parsed+" "+pod, nil)
	f(message+own+parsed+" kubernetes=mine", nil, "kubernetes", "mine")
	f(parsed+" "+pod, []string{"reserve_data", "off", "preserve_key", "off"})
	f(parsed+" "+pod, []string{"reserve_data", "off", "preserve_key", "off"}, "kubernetes", "mine")
	f(message+own+parsed+" "+pod, []string{"remove_journal_keys", "kube*"}, "kubernetes", "mine")
	f(message+own+parsed+" kubernetes=mine", []string{"remove_journal_keys", "x*"}, "kubernetes", "mine", "x", "y")
	f(message+own+"kata_msg=hello "+pod, []string{"only_keys", "msg"})
	f(message+own+strings.ReplaceAll(parsed, "kata_", "p.")+" "+strings.Replace(pod, "kubernetes", "pod", 1), []string{"prefix", "p.", "sandbox_metadata_key", "pod"})
	f(message+own+`k={"kata_container":"`+appContainer+`","kata_level":"info","kata_msg":"hello","kata_sandbox":"`+webSandbox+`"} `+pod, []string{"nest_under", "k"})
	f(message+own+"container="+appContainer+" "+pod+" level=info msg=hello sandbox="+webSandbox, []string{"prefix", ""})
	// A key of the message that is written under the name of the map: the first one stays.
	f(message+own+parsed, []string{"sandbox_metadata_key", "kata_msg"})
	f(message+own+"container="+appContainer+" level=info msg=hello sandbox="+webSandbox, []string{"prefix", "", "sandbox_metadata_key", "msg"})
	f(message+own+`k={"kata_container":"`+appContainer+`","kata_level":"info","kata_msg":"hello","kata_sandbox":"`+webSandbox+`"} `+strings.Replace(pod, "kubernetes", "kata_msg", 1),
		[]string{"nest_under", "k", "sandbox_metadata_key", "kata_msg"})
	// Fields instead of a map.
	fields := " kata_pod_name=web-0 kata_pod_namespace=shop kata_pod_uid=" + webUID
	f(message+own+"kata_container="+appContainer+" kata_container_name=app kata_level=info kata_msg=hello"+fields+" kata_sandbox="+webSandbox,
		[]string{"sandbox_metadata_key", ""})
	f(message+own+"kata_container="+appContainer+" kata_container_name=app kata_level=info kata_msg=hello"+fields+" kata_sandbox="+webSandbox,
		[]string{"sandbox_metadata_key", ""}, "kata_pod_name", "old")
}

// TestPodAgain: a record that comes a second time keeps its map.
func TestPodAgain(t *testing.T) {
	for _, key := range []string{"kubernetes", "kata_pod", ""} {
		f := podFilter(t, "sandbox_metadata_key", key)
		first, _ := run(t, f, appendEvent(nil, 1, 0, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", head+"sandbox="+webSandbox))
		again, _ := run(t, f, first)
		got, want := contract.Events(t, again), contract.Events(t, first)
		if len(got) != 1 || text(got[0]) != text(want[0]) || got[0].Time != want[0].Time {
			t.Errorf("key %q:\n%v\nwant\n%v", key, got, want)
		}
	}
}

// TestPodsFromLog: what containerd says in its own journal stream, and only there.
func TestPodsFromLog(t *testing.T) {
	sandbox := strings.Repeat("8", 64)
	says := func(level, pod string) string {
		return `time="2020-01-01T00:00:00.5Z" level=` + level + ` msg="RunPodSandbox for &PodSandboxMetadata{Name:` + pod + `,Uid:0c1f,Namespace:shop,Attempt:0,} returns sandbox id \"` + sandbox + `\""`
	}
	crio := `time="2020-01-01 00:00:00.500000000Z" level=info msg="Ran pod sandbox ` + sandbox + ` with infra container: shop/web-7/POD" file="server/sandbox_run_linux.go:623"`
	line := []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", head + "sandbox=" + sandbox}
	f := func(identifier, message, unit, want string) {
		t.Helper()
		instance := podFilter(t)
		record := []string{"SYSLOG_IDENTIFIER", identifier, "MESSAGE", message}
		if unit != "" {
			key, value, _ := strings.Cut(unit, "=")
			record = append(record, key, value)
			if key == "_systemd_unit" { // Lowercase On
				record[0], record[2] = "syslog_identifier", "message"
			}
		}
		own := one(t, instance, record...)
		if got := mapOf(one(t, instance, line...), "kubernetes"); got != want || mapOf(own, "kubernetes") != want {
			t.Errorf("%s: got %q, and of the line itself %q, want %q", unit, got, mapOf(own, "kubernetes"), want)
		}
		if strings.Contains(message, "Name:web-7") && !strings.Contains(own, "kata_pod_name=web-7 kata_pod_namespace=shop kata_pod_uid=0c1f") {
			t.Errorf("%s", own)
		}
		record[3] = says("info", "forged") // a second pod does not replace the first
		one(t, instance, record...)
		if got := mapOf(one(t, instance, line...), "kubernetes"); want != "" && got != want {
			t.Errorf("%s: later %q", unit, got)
		}
	}
	const pod = "namespace_name:shop,pod_id:0c1f,pod_name:web-7"
	for _, unit := range []string{"containerd.service", "k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service", "crio.service"} {
		f("containerd", says("info", "web-7"), "_SYSTEMD_UNIT="+unit, pod)
	}
	f("containerd", says("info", "web-7"), "_systemd_unit=containerd.service", pod)
	f("crio", crio, "_SYSTEMD_UNIT=crio.service", "namespace_name:shop,pod_name:web-7")
	f("containerd", says("info", "web-7"), "", "")
	f("containerd", says("info", "web-7"), "SYSTEMD_UNIT=containerd.service", "")
	f("containerd", says("info", "web-7"), "_SYSTEMD_UNIT=user@1000.service", "")
	f("containerd", says("info", "web-7"), "_SYSTEMD_UNIT=my-containerd.service", "")
	f("containerd", says("error", "web-7"), "_SYSTEMD_UNIT=containerd.service", "")
	// A key of the message is no word of the runtime's, and a word is for the sandbox in it.
	for _, message := range []string{
		head + "sandbox=" + sandbox + " pod_name=forged pod_namespace=shop",
		`time=2020-01-01T00:00:00.5Z level=info msg=x name=containerd-shim-v2 source=virtcontainers sandbox=` + sandbox + ` pod_name=forged pod_namespace=shop`,
		`{"time":"2020-01-01T00:00:00.5Z","level":"info","msg":"x","podsandboxid":"` + sandbox + `","pod_name":"forged","pod_namespace":"shop"}`,
		strings.ReplaceAll(says("info", "forged"), sandbox, strings.Repeat("7", 64)) + " sandbox=" + sandbox,
		says("info", "forged") + ` error="`,
	} {
		f("containerd", message, "_SYSTEMD_UNIT=containerd.service", "")
	}
	// A record that is dropped says it all the same.
	warning := podFilter(t, "min_level", "warning")
	one(t, warning, "SYSLOG_IDENTIFIER", "containerd", "_SYSTEMD_UNIT", "containerd.service", "MESSAGE", says("info", "web-7"))
	if got := mapOf(one(t, warning, line[0], line[1], line[2], strings.Replace(line[3], "info", "error", 1)), "kubernetes"); got != pod {
		t.Errorf("with min_level %q", got)
	}
	// A file's word counts more.
	instance := podFilter(t)
	one(t, instance, "SYSLOG_IDENTIFIER", "containerd", "_SYSTEMD_UNIT", "containerd.service", "MESSAGE", strings.ReplaceAll(says("info", "web-7"), sandbox, webSandbox))
	if got := mapOf(one(t, instance, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", head+"sandbox="+webSandbox), "kubernetes"); !strings.HasSuffix(got, "pod_name:web-0") {
		t.Errorf("got %s", got)
	}
}

// TestPodCounts: each record with an id of the host's is counted once.
func TestPodCounts(t *testing.T) {
	lying := t.TempDir()
	broken := strings.Repeat("7", 64)
	dir := filepath.Join(lying, "io.containerd.runtime.v2.task/k8s.io", broken)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := podFilter(t, "sandbox_metadata_roots", lying+","+podRoots(t), "min_level", "info")
	var chunk []byte
	for _, fields := range []string{"sandbox=" + webSandbox, "sandbox=" + webSandbox, "sandbox=" + apiSandbox, "sandbox=" + strings.Repeat("9", 64), "sandbox=x", "sandbox=" + broken, ""} {
		chunk = appendEvent(chunk, 1, 0, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", head+fields)
	}
	chunk = appendEvent(chunk, 1, 0, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", strings.Replace(head, "info", "debug", 1)+"sandbox="+webSandbox) // dropped
	run(t, f, chunk)
	c := f.Counts()
	if got := c.String(); !strings.Contains(got, " pod_lookups{hit=1,miss=2,unresolved=2,error=1} ") {
		t.Errorf("got %s", got)
	}
	warnings := strings.Join(f.Warnings(), "\n")
	if !strings.Contains(warnings, "cannot read below "+lying+": a config.json is not the JSON that it should be") || !strings.Contains(warnings, "64 hexadecimal digits") {
		t.Errorf("warnings %s", warnings)
	}
	if more := f.Warnings(); more != nil {
		t.Errorf("more warnings: %q", more)
	}
}

// TestPodAllocations: a record whose pod is known costs no allocation.
func TestPodAllocations(t *testing.T) {
	for _, key := range []string{"kubernetes", ""} {
		f := podFilter(t, "sandbox_metadata_key", key)
		var chunk []byte
		for _, fields := range []string{"sandbox=" + webSandbox + " container=" + appContainer, "sandbox=" + apiSandbox, "sandbox=" + strings.Repeat("9", 64)} {
			chunk = appendEvent(chunk, 1, 0, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", head+fields)
		}
		out := event.Buffer{B: make([]byte, 0, 1<<16)}
		f.Process(nil, chunk, &out)
		if n := testing.AllocsPerRun(100, func() {
			out.B = out.B[:0]
			f.Process(nil, chunk, &out)
		}); n != 0 {
			t.Errorf("key %q: %v allocations", key, n)
		}
	}
}

// BenchmarkPods has a chunk of one sandbox without the option, with it, and of a sandbox whose pod
// is not known.
func BenchmarkPods(b *testing.B) {
	for _, c := range []struct{ name, option, sandbox string }{
		{"off", "off", webSandbox}, {"hit", "on", webSandbox}, {"unresolved", "on", strings.Repeat("9", 64)},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := filter(b, "sandbox_metadata", c.option, "sandbox_metadata_roots", podRoots(b))
			defer f.Close()
			var chunk []byte
			for range 1000 {
				chunk = appendEvent(chunk, 1, 0, "SYSLOG_IDENTIFIER", "kata", "_COMM", "containerd-shim", "MESSAGE", head+"sandbox="+c.sandbox+" source=virtcontainers subsystem=sandbox")
			}
			out := event.Buffer{B: make([]byte, 0, 4*len(chunk))}
			f.Process(nil, chunk, &out)
			b.ReportAllocs()
			for b.Loop() {
				out.B = out.B[:0]
				f.Process(nil, chunk, &out)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
		})
	}
}

// TestPodNames: with no options does a name come twice in one map, whatever the key of the map is.
func TestPodNames(t *testing.T) {
	line := head + "sandbox=" + webSandbox + " container=" + appContainer + " source=virtcontainers pid=1"
	chunks := [][]byte{
		logEvent("SYSLOG_IDENTIFIER", "kata", "MESSAGE", line, "level", "own", "guest", "own", "parse_error", "own", "kata_level", "own", "k.level", "own", "kata", "own"),
		logEvent("SYSLOG_IDENTIFIER", "kata", "MESSAGE", line+` vmconsole="text"`, "guest", "own", "kata_guest", "own"),
		logEvent("SYSLOG_IDENTIFIER", "kata", "MESSAGE", line+` x="a`, "parse_error", "own"),
		logEvent("SYSLOG_IDENTIFIER", "kata", "MESSAGE", line+` vmconsole="{\"msg\":\"m\",\"level\":\"INFO\"}"`, "msg", "own", "pod_name", "own", "kata_pod_name", "own"),
		logEvent("SYSLOG_IDENTIFIER", "kata", "log", line, "kubernetes", "own"),
	}
	found := 0
	for _, key := range []string{"kubernetes", "", "MESSAGE", "log", "SYSLOG_IDENTIFIER", "guest", "parse_error", "kata_guest", "kata_parse_error", "level", "kata_level", "k.level", "pod_name", "kata_pod_name", "kata_container", "time"} {
		for seed := range uint32(97) {
			o := fuzzOptions(seed * 2654435761)
			o.SandboxMetadata, o.SandboxMetadataRoots, o.SandboxMetadataKey = true, strings.Split(podRoots(t), ","), key
			o.Duplicates = options.KeepDuplicates
			f := New(o)
			f.plan.podWait = time.Minute
			for _, chunk := range chunks {
				out, _ := run(t, f, chunk)
				if len(out) == 0 {
					continue
				}
				for _, v := range contract.ReadValues(t, out) {
					checkValue(t, &v)
				}
				if strings.Contains(string(out), "web-0") {
					found++
				}
			}
			f.Close()
			if t.Failed() {
				t.Fatalf("key %q, seed %d", key, seed)
			}
		}
	}
	if found < 1000 {
		t.Errorf("%d records got their pod", found)
	}
}

// TestPodOfCutLine: a line that journald has cut has its pod, if the sandbox stands before the
// cut, and its rest has none, whatever it says and whoever wrote it.
func TestPodOfCutLine(t *testing.T) {
	f := podFilter(t)
	stream := []string{"SYSLOG_IDENTIFIER", "containerd", "_STREAM_ID", "s", "_COMM", "containerd-shim", "_UID", "0",
		"_CMDLINE", "/opt/kata/bin/containerd-shim-kata-v2 -namespace k8s.io -id " + apiSandbox}
	first := one(t, f, append(stream, "_LINE_BREAK", "line-max", "MESSAGE", head+"source=virtcontainers sandbox="+webSandbox+` vmconsole="text`)...)
	if got := mapOf(first, "kubernetes"); !strings.HasSuffix(got, "pod_name:web-0") {
		t.Errorf("the first part has %q: %s", got, first)
	}
	rest := one(t, f, append(stream, "MESSAGE", head+"source=virtcontainers sandbox="+webSandbox)...)
	if !strings.Contains(rest, "kata_parse_error=cut") || strings.Contains(rest, "kubernetes={") {
		t.Errorf("the rest is %s", rest)
	}
}
