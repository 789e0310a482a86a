//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Parts of most configurations.
const (
	classicService = `
[SERVICE]
    Flush         0.1
    Plugins_File  plugins.conf
`
	classicJournal = `
[INPUT]
    Name            systemd
    Tag             kata
    Path            ${JOURNAL}
    Read_From_Tail  Off
`
	classicFilter = `
[FILTER]
    Name   kata
    Match  kata
`
	classicForward = `
[OUTPUT]
    Name   forward
    Match  *
    Host   127.0.0.1
    Port   ${PORT}
`

	yamlHead = `
service:
  flush: 0.1
plugins:
  - ${FILTER}
pipeline:
  inputs:
`
	yamlJournal = yamlHead + `
    - name: systemd
      tag: kata
      path: ${JOURNAL}
      read_from_tail: off
`
	yamlForward = `
  outputs:
    - name: forward
      match: "*"
      host: 127.0.0.1
      port: ${PORT}
`
	yamlProcessor = `
      processors:
        logs:
          - name: kata
`
)

// TestContract runs every case of the contract through a pipeline of each kind that the filter
// can be in.
func TestContract(t *testing.T) {
	t.Parallel()
	cases := contractCases(t)
	dir := casesJournal(t, cases)
	for _, pipeline := range []struct{ name, file, config string }{
		{"classic", "fluent-bit.conf", classicService + classicJournal + classicFilter + classicForward},
		{"yaml", "fluent-bit.yaml", yamlJournal + "  filters: [{name: kata, match: kata}]" + yamlForward},
		{"input processor", "fluent-bit.yaml", yamlJournal + yamlProcessor + yamlForward},
		{"threaded input processor", "fluent-bit.yaml", yamlJournal + "      threaded: on" + yamlProcessor + yamlForward},
		{"output processor", "fluent-bit.yaml", yamlJournal + yamlForward + yamlProcessor},
	} {
		t.Run(pipeline.name, func(t *testing.T) {
			t.Parallel()
			check(t, cases, through(t, pipeline.file, pipeline.config, vars{"JOURNAL": dir}, len(cases)))
		})
	}
	t.Run("command line", func(t *testing.T) {
		t.Parallel()
		check(t, cases, collect(t, len(cases), func(port string) *process {
			return start(t, t.TempDir(), "-f", "0.1", "-e", filterLibrary,
				"-i", "systemd", "-t", "kata", "-p", "path="+dir,
				"-F", "kata", "-m", "kata",
				"-o", "forward", "-m", "*", "-p", "host=127.0.0.1", "-p", "port="+port)
		}))
	})
}

// TestInstances has two filters with different options in one pipeline.
func TestInstances(t *testing.T) {
	t.Parallel()
	cases := contractCases(t)
	events := through(t, "fluent-bit.yaml", yamlHead+`
    - name: systemd
      tag: prefixed
      path: ${JOURNAL}
    - name: systemd
      tag: nested
      path: ${JOURNAL}
  filters:
    - name: kata
      match: prefixed
      prefix: "vm."
    - name: kata
      match: nested
      prefix: ""
      nest_under: kata
`+yamlForward, vars{"JOURNAL": casesJournal(t, cases)}, 2*len(cases))

	byTag := map[string][]event{}
	for _, e := range events {
		byTag[e.tag] = append(byTag[e.tag], e)
	}
	named := func(c *contractCase, prefix string) map[string]any {
		expect := map[string]any{}
		for key, value := range c.Expect {
			expect[prefix+strings.TrimPrefix(key, "kata_")] = value
		}
		return expect
	}
	check(t, mapCases(cases, func(c *contractCase) {
		c.Expect = named(c, "vm.")
	}), byTag["prefixed"])
	check(t, mapCases(cases, func(c *contractCase) {
		if len(c.Expect) > 0 {
			c.Expect = map[string]any{"kata": named(c, "")}
		}
	}), byTag["nested"])
}

// TestReload has Fluent Bit reload its configuration while records arrive: none is lost, and the
// later ones are parsed like the earlier ones.
func TestReload(t *testing.T) {
	t.Parallel()
	to := listen(t)
	port := freePort(t)
	dir := configure(t, "fluent-bit.conf", `
[SERVICE]
    Flush         0.1
    Plugins_File  plugins.conf
    Hot_Reload    On
    HTTP_Server   On
    HTTP_Listen   127.0.0.1
    HTTP_Port     ${HTTP}

[INPUT]
    Name  systemd
    Tag   kata
    Path  journal
    DB    journal.db
`+classicFilter+classicForward, vars{"PORT": to.port, "HTTP": port})
	if err := os.Mkdir(filepath.Join(dir, "journal"), 0o755); err != nil {
		t.Fatal(err)
	}
	const batch = 500
	records := 0
	more := func() {
		t.Helper()
		var export []byte
		for range batch {
			records++
			export = appendExport(export, journalStart+int64(records), map[string]any{
				"_BOOT_ID":          bootID,
				"SYSLOG_IDENTIFIER": "kata",
				"MESSAGE":           fmt.Sprintf("time=2024-05-06T07:08:09.%09dZ level=info pid=%[1]d", records),
			})
		}
		writeJournal(t, filepath.Join(dir, "journal", fmt.Sprintf("%d.journal", records/batch)), export)
	}

	more()
	p := start(t, dir, "-c", "fluent-bit.conf")
	to.events.wait(t, p, count[event](records))
	for i, reload := range []func(){
		func() { signal(t, p, syscall.SIGHUP) },
		func() { post(t, "http://127.0.0.1:"+port+"/api/v2/reload") },
	} {
		more() // in the pipeline during the reload
		reload()
		more() // while it reloads
		p.log.wait(t, p, func(log []string) bool {
			return strings.Count(strings.Join(log, "\n"), "[reload] start everything") == i+1
		})
		more() // for the new pipeline
		to.events.wait(t, p, count[event](records))
	}
	p.stop(t)

	seen := map[int64]int{}
	for _, e := range to.close() {
		n, _ := e.body["kata_pid"].(int64)
		seen[n]++
		if want := fmt.Sprintf("1714979289.%09d", n); e.time != want || e.body["kata_level"] != "info" {
			t.Fatalf("%s, want %s: %v", e.time, want, e.body)
		}
	}
	for n := range records {
		if times := seen[int64(n+1)]; times != 1 {
			t.Errorf("record %d came %d times", n+1, times)
		}
	}
}

func signal(t *testing.T, p *process, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s", url, resp.Status)
	}
}

// freePort returns a port of loopback that is free, until another program takes it.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
