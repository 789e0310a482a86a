//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
)

// TestGuide follows the section "A trial on one machine" of docs/migration.md on a copy of this
// repository: its commands run as they are there, but for the port and a password, and what the search finds is in
// fields. The documents are those that the example has, with the template's types.
func TestGuide(t *testing.T) {
	if fluentBit == "" {
		t.Skip("FLUENT_BIT names no Fluent Bit")
	}
	text, err := os.ReadFile(filepath.Join(root, "docs/migration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## A trial on one machine\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for _, m := range regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(section, -1) {
		commands = append(commands, m[1])
	}
	if len(commands) != 8 || !strings.HasPrefix(commands[0], "git clone https://") || !strings.HasPrefix(commands[6], "fluent-bit ") || !strings.HasPrefix(commands[7], "curl ") {
		t.Fatalf("docs/migration.md has the commands %q", commands)
	}
	eachServer(t, func(t *testing.T, s *servers.Server) {
		at, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		top := t.TempDir()
		repository, err := filepath.Abs(root)
		if err != nil {
			t.Fatal(err)
		}
		search, login := strings.Replace(commands[7], "127.0.0.1:9200", at.Host, 1), ""
		if s.Password != "" {
			search = strings.Replace(search, "curl ", "curl -u "+s.User+":"+s.Password+" ", 1)
			login = `sed -i '/Url /a Http_User ` + s.User + `\nHttp_Passwd ` + s.Password + `' fluent-bit.conf; sed -i 's/^Http_/    Http_/' fluent-bit.conf`
		}
		began := time.Now()
		script := strings.Join([]string{
			"set -e", "export PATH=" + filepath.Dir(fluentBit) + ":$PATH",
			// What is not committed yet is tested, too.
			"mkdir fluent-bit-kata && tar -c -C " + repository + " --exclude=./.git --exclude=./dist --exclude=./build/out . | tar -x -C fluent-bit-kata",
			commands[1], commands[2], commands[3],
			"rm -rf journal kata.db*", // left by who has tried it in place
			commands[4], commands[5],
			"sed -i s/:9200/:" + at.Port() + "/ fluent-bit.conf", login,
			"exec " + commands[6],
		}, "\n")
		var log bytes.Buffer
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir, cmd.Stdout, cmd.Stderr = top, &log, &log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		defer func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := <-ended; err != nil {
				t.Errorf("%v\n%s", err, log.Bytes())
			}
		}()

		expected, err := os.ReadFile(filepath.Join(root, "examples/kata-output/output.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSpace(string(expected)), "\n")
		var got []string
		for deadline := time.Now().Add(5 * time.Minute); len(got) < len(want); time.Sleep(time.Second) {
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("Fluent Bit has ended: %v\n%s", err, log.Bytes())
			default:
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d documents, want %d\n%s", len(got), len(want), log.Bytes())
			}
			got = nil
			if err := s.Documents("kata-2024.05.06", nil, func(source []byte) { got = append(got, string(source)) }); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("from the copy to the documents in %.0f s", time.Since(began).Seconds())
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("the documents are\n%s\nwant\n%s", strings.Join(got, "\n"), expected)
		}

		found, err := exec.Command("sh", "-c", search).Output()
		if err != nil {
			t.Fatal(err)
		}
		var result struct {
			Hits struct {
				Hits []struct {
					Source map[string]any `json:"_source"`
				}
			}
		}
		if err := json.Unmarshal(found, &result); err != nil || len(result.Hits.Hits) != 1 || fmt.Sprint(result.Hits.Hits[0].Source["kata_msg"]) != "device not found, waiting" {
			t.Errorf("%s gives %v\n%s", commands[7], err, found)
		}
		var mappings map[string]struct {
			Mappings struct {
				Properties map[string]struct{ Type string }
			}
		}
		if err := s.Do("GET", "/kata-2024.05.06/_mapping", nil, &mappings); err != nil {
			t.Fatal(err)
		}
		for field, kind := range map[string]string{"@timestamp": "date_nanos", "kata_pid": "long", "kata_sandbox": "keyword", "kata_msg": "text"} {
			if got := mappings["kata-2024.05.06"].Mappings.Properties[field].Type; got != kind {
				t.Errorf("%s has the type %q, want %s: the template was not used", field, got, kind)
			}
		}
	})
}

// TestDashboards runs the searches and aggregations of deploy/dashboards on the servers.
func TestDashboards(t *testing.T) {
	eachServer(t, func(t *testing.T, s *servers.Server) {
		at, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if s.Password != "" {
			at.User = url.UserPassword(s.User, s.Password)
		}
		cmd := exec.Command("go", "test", "-count=1", "-v", "-run", "TestServer", "./build/dashboards")
		cmd.Dir, cmd.Env = root, append(os.Environ(), "KATA_OPENSEARCH="+at.String())
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestServer") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
