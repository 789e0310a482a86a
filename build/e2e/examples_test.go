//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// exampleOutputs has each directory of examples and where its configurations deliver to; those
// without a word are checked by --dry-run only: Loki and Kafka cannot be had in a test.
var exampleOutputs = map[string]string{
	"elasticsearch":      "bulk",
	"forward-fluentd":    "forward",
	"full-debug":         "stdout",
	"journal":            "stdout",
	"json-files":         "stdout",
	"kafka":              "",
	"kata-input":         "stdout",
	"kata-output":        "kata",
	"kata1-crio":         "stdout",
	"kata2-containerd":   "stdout",
	"kata3-go":           "stdout",
	"loki":               "",
	"minikube":           "stdout",
	"opensearch":         "bulk",
	"runtime-rs":         "stdout",
	"shimv2-rewrite-tag": "stdout",
	"shimv2-two-inputs":  "stdout",
}

// TestExamples runs a copy of each example as its README describes, and compares the output
// with the file beside it: output.jsonl for fluent-bit.conf and fluent-bit.yaml, NAME.jsonl for
// others. KATA_UPDATE_EXAMPLES=1 writes these files; read the difference before you commit it.
func TestExamples(t *testing.T) {
	t.Parallel()
	configs, err := filepath.Glob(abs(t, "examples/*/*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	yamls, err := filepath.Glob(abs(t, "examples/*/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]int{}
	for _, path := range append(configs, yamls...) {
		name, config := filepath.Base(filepath.Dir(path)), filepath.Base(path)
		if config == "plugins.conf" || config == "compose.yaml" {
			continue
		}
		output, known := exampleOutputs[name]
		if !known {
			t.Errorf("examples/%s is not in the test", name)
			continue
		}
		ran[name]++
		t.Run(name+" "+config, func(t *testing.T) {
			t.Parallel()
			dir := exampleCopy(t, name)
			dryRun(t, dir, config)
			if output == "" {
				return
			}
			var got []string
			file := outputFile(name, config)
			want := lines(t, file)
			switch output {
			case "stdout":
				got = printed(t, start(t, dir, "-c", config), len(want))
			case "bulk":
				docs := newStream[string]()
				server := httptest.NewServer(bulk(t, "", "kata-2024.05.06", docs))
				defer server.Close()
				to, err := url.Parse(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				replacePort(t, filepath.Join(dir, config), "9200", to.Port())
				p := start(t, dir, "-c", config)
				docs.wait(t, p, count[string](len(want)))
				p.stop(t)
				got, _ = docs.now()
			case "kata":
				got = deliveredByKata(t, dir, config, len(want))
			case "forward":
				for _, e := range collect(t, len(want), func(port string) *process {
					replacePort(t, filepath.Join(dir, config), "24224", port)
					return start(t, dir, "-c", config)
				}) {
					line, err := json.Marshal(map[string]any{"tag": e.tag, "time": e.time, "record": e.body})
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, string(line))
				}
			}
			if output == "kata" {
				slices.Sort(got) // several requests may be on their way
			}
			if os.Getenv("KATA_UPDATE_EXAMPLES") != "" {
				write(t, abs(t, file), strings.Join(got, "\n")+"\n")
				return
			}
			if len(got) != len(want) {
				t.Fatalf("%d records, want %d", len(got), len(want))
			}
			if strings.HasPrefix(name, "shimv2-") { // which of two outputs is the first is not known
				slices.Sort(got)
				slices.Sort(want)
			}
			for i := range want {
				if wrong := contract.Diff(jsonRecord(t, want[i]), jsonRecord(t, got[i])); wrong != nil {
					t.Errorf("line %d:\n\t%s", i+1, strings.Join(wrong, "\n\t"))
				}
			}
		})
	}
	for name := range exampleOutputs {
		if ran[name] < 2 {
			t.Errorf("examples/%s has %d configurations, want both forms", name, ran[name])
		}
		if _, err := os.Stat(abs(t, "examples/"+name+"/README.md")); err != nil {
			t.Error(err)
		}
	}
}

// deliveredByKata runs an example of the output kata and returns the n documents in its
// file or, where it has none, on a server: each once, in the index of its day, behind the template.
func deliveredByKata(t *testing.T, dir, config string, n int) (docs []string) {
	t.Helper()
	if strings.HasPrefix(config, "file.") {
		p := start(t, dir, "-c", config)
		path := filepath.Join(dir, "kata.jsonl")
		deadline := time.Now().Add(timeout)
		for len(docs) < n {
			if time.Now().After(deadline) {
				t.Fatalf("%d lines in the file\n%s", len(docs), p.logText())
			}
			time.Sleep(50 * time.Millisecond)
			if text, err := os.ReadFile(path); err == nil && strings.HasSuffix(string(text), "\n") {
				docs = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			}
		}
		p.stop(t)
		return docs
	}
	server := newBulkServer(t, false)
	path := filepath.Join(dir, config)
	const url = "http://127.0.0.1:9200"
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), url) {
		t.Fatalf("%s has no %s: %v", config, url, err)
	}
	write(t, path, strings.ReplaceAll(string(text), url, server.URL))
	p := start(t, dir, "-c", config)
	server.wait(t, p, func() bool { return len(server.docs) >= n })
	p.stop(t)
	if server.paths["PUT /_index_template/fluent-bit-kata"] == 0 {
		t.Errorf("no template: %v", server.paths)
	}
	for action, doc := range server.docs { // Fluent Bit has ended
		if !strings.Contains(action, `"_index":"kata-2024.05.06"`) || !strings.Contains(action, `"_id":`) {
			t.Errorf("action %s", action)
		}
		docs = append(docs, doc)
	}
	return docs
}

// outputFile returns the file with the expected output of an example's configuration.
func outputFile(example, config string) string {
	base := strings.TrimSuffix(config, filepath.Ext(config))
	if base == "fluent-bit" {
		base = "output"
	}
	return "examples/" + example + "/" + base + ".jsonl"
}

// lines returns the lines of a file.
func lines(t *testing.T, path string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(string(read(t, path))), "\n")
}

// exampleCopy copies an example, with the journal that its README makes, and returns the
// directory.
func exampleCopy(t *testing.T, name string) string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "examples", name)
	if err := os.CopyFS(dir, os.DirFS(abs(t, "examples/"+name))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(filterLibrary), filepath.Join(top, "dist")); err != nil {
		t.Fatal(err)
	}
	// These are left by users who have run the example in place.
	left, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(left, filepath.Join(dir, "journal")) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	export, err := os.ReadFile(filepath.Join(dir, "input.export"))
	if err == nil || name == "loki" || name == "kafka" {
		if err := os.Mkdir(filepath.Join(dir, "journal"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err == nil {
		writeJournal(t, filepath.Join(dir, "journal", "kata.journal"), export)
	}
	return dir
}

// dryRun checks a configuration with Fluent Bit's --dry-run. If an output of it is not in this
// Fluent Bit the test is skipped.
func dryRun(t *testing.T, dir, config string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, config))
	if err != nil {
		t.Fatal(err)
	}
	help, err := exec.Command(fluentBit, "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"kafka", "loki"} {
		if regexp.MustCompile(`(?im)^ *(- )?name:? +`+output+`$`).Match(text) && !regexp.MustCompile(`(?m)^  `+output+` `).Match(help) {
			t.Skipf("%s is built without the output %s", fluentBit, output)
		}
	}
	cmd := exec.Command(fluentBit, "--dry-run", "-c", config)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "configuration test is successful") {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// replacePort replaces a port in a configuration, which must have it.
func replacePort(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(fmt.Sprintf(`(?im)^( *port:? +)%s$`, from))
	if !port.Match(text) {
		t.Fatalf("%s has no port %s", path, from)
	}
	write(t, path, string(port.ReplaceAll(text, []byte("${1}"+to))))
}
