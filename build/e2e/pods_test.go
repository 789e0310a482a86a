//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestPods follows a journal while a sandbox comes and goes: its records have no pod before the
// files of the sandbox are there, and have it afterwards, also when the files are gone.
func TestPods(t *testing.T) {
	t.Parallel()
	const form = `time="2024-05-06T07:08:09.%09dZ" level=info msg="%s" name=containerd-shim-v2 pid=4242 sandbox=%s source=virtcontainers`
	sandbox := "55bb" + strings.Repeat("1", 60)
	config, err := os.ReadFile(filepath.Join(root, "testdata/pods/containerd/io.containerd.runtime.v2.task/k8s.io", sandbox, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, text string }{
		{"filter", "fluent-bit.conf", classicService + classicJournal + `
[FILTER]
    Name                    kata
    Match                   *
    Sandbox_Metadata        On
    Sandbox_Metadata_Roots  ${STATE}
` + classicForward},
		{"processor", "fluent-bit.yaml", `
service: {flush: 0.1, grace: 5, log_level: info}
plugins: ["${FILTER}"]
pipeline:
  inputs:
    - name: systemd
      tag: kata
      path: ${JOURNAL}
      processors: {logs: [{name: kata, sandbox_metadata: on, sandbox_metadata_roots: "${STATE}"}]}
  outputs:
    - {name: forward, match: "*", host: 127.0.0.1, port: "${PORT}"}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state := filepath.Join(t.TempDir(), "containerd") // appears after the start
			task := filepath.Join(state, "io.containerd.runtime.v2.task/k8s.io", sandbox)
			dir := journal(t, appendPodEntry(nil, 0, fmt.Sprintf(form, 1, "before", sandbox)))
			to := listen(t)
			p := start(t, configure(t, c.file, c.text, vars{"JOURNAL": dir, "STATE": state, "PORT": to.port}), "-c", c.file)
			last := func() map[string]any {
				events, _ := to.events.now()
				return events[len(events)-1].body
			}
			to.events.wait(t, p, count[event](1))
			if pod := last()["kubernetes"]; pod != nil {
				t.Errorf("before: %v", pod)
			}

			if err := os.MkdirAll(task, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(task, "config.json"), string(config))
			want := map[string]any{"pod_name": "web-0", "namespace_name": "shop", "pod_id": "0c1f3a52-9d3b-4f0e-8a35-6f1f9f0d7c11"}
			sent := 1
			send := func(message string) map[string]any {
				writeJournal(t, filepath.Join(dir, fmt.Sprintf("e2e-%d.journal", sent)), appendPodEntry(nil, sent, fmt.Sprintf(form, sent+1, message, sandbox)))
				sent++
				to.events.wait(t, p, count[event](sent))
				return last()
			}
			// The sandbox is looked for again after a second.
			body := send("during")
			for tries := 0; body["kubernetes"] == nil && tries < 100; tries++ {
				body = send("during")
			}
			if !reflect.DeepEqual(body["kubernetes"], want) {
				t.Fatalf("during: %v", body)
			}
			if err := os.RemoveAll(state); err != nil {
				t.Fatal(err)
			}
			if body = send("after"); !reflect.DeepEqual(body["kubernetes"], want) {
				t.Errorf("after: %v", body)
			}
			p.stop(t)
			if log := p.logText(); strings.Count(log, "sandbox_metadata: none of the folders that sandbox_metadata_roots names is there") != 1 ||
				!strings.Contains(log, "pod_lookups{hit=") {
				t.Errorf("%s", log)
			}
		})
	}
}

func appendPodEntry(b []byte, n int, message string) []byte {
	return appendExport(b, journalStart+int64(n)*1000, map[string]any{"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": "kata", "MESSAGE": message})
}

// TestPodsFromLog: without files, the log of containerd names the pod, if it is read in the same
// instance, as docs/operations.md says; also where its own line is below min_level.
func TestPodsFromLog(t *testing.T) {
	t.Parallel()
	sandbox, other := strings.Repeat("8", 64), strings.Repeat("9", 64)
	entry := func(n int, identifier, unit, message string) []byte {
		return appendExport(nil, journalStart+int64(n)*1000, map[string]any{
			"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": identifier, "_SYSTEMD_UNIT": unit, "MESSAGE": fmt.Sprintf(`time="2024-05-06T07:08:09.%09dZ" `, n) + message,
		})
	}
	says := func(pod, sandbox string) string {
		return fmt.Sprintf(`level=info msg="RunPodSandbox for name:\"%s\" uid:\"0c1f\" namespace:\"shop\" returns sandbox id \"%s\""`, pod, sandbox)
	}
	line := func(sandbox string) string {
		return `level=warning msg=hello name=containerd-shim-v2 sandbox=` + sandbox + ` source=virtcontainers`
	}
	dir := journal(t, slices.Concat(
		entry(1, "containerd", "containerd.service", says("web-7", sandbox)),
		entry(2, "containerd", "user@1000.service", says("forged", other)),
		entry(3, "containerd", "containerd.service", `level=info msg=x name=containerd-shim-v2 sandbox=`+other+` pod_name=forged pod_namespace=shop`),
		entry(4, "kata", "kubepods.slice", line(sandbox)), entry(5, "kata", "kubepods.slice", line(other)),
	))
	to := listen(t)
	p := start(t, configure(t, "fluent-bit.conf", classicService+classicJournal+`
    Systemd_Filter  SYSLOG_IDENTIFIER=kata
    Systemd_Filter  SYSLOG_IDENTIFIER=containerd
[FILTER]
    Name                    kata
    Match                   *
    Min_Level               warning
    Sandbox_Metadata        On
    Sandbox_Metadata_Roots  /nonexistent
`+classicForward, vars{"JOURNAL": dir, "PORT": to.port}), "-c", "fluent-bit.conf")
	to.events.wait(t, p, count[event](2))
	events, _ := to.events.now()
	want := map[string]any{"pod_name": "web-7", "namespace_name": "shop", "pod_id": "0c1f"}
	if got := events[0].body["kubernetes"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", events[0].body)
	}
	if got := events[1].body["kubernetes"]; got != nil {
		t.Errorf("a forged word gave %v", got)
	}
}
