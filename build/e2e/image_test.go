//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// TestImage runs the configuration of the container image, with the variables that the
// Dockerfile sets, with each of its outputs.
func TestImage(t *testing.T) {
	t.Parallel()
	dir, cases := collected(t)

	for _, output := range []string{"stdout", "mistyped"} {
		t.Run(output, func(t *testing.T) {
			t.Parallel()
			p := startImage(t, "KATA_JOURNAL="+dir, "KATA_OUTPUT="+output)
			events := jsonEvents(t, printed(t, p, len(cases)), "date")
			check(t, mapCases(cases, func(c *contractCase) {
				c.Time = c.Time[:len(c.Time)-3] + "000" // iso8601 has microseconds only
			}), events)
		})
	}

	t.Run("forward", func(t *testing.T) {
		t.Parallel()
		check(t, cases, collect(t, len(cases), func(port string) *process {
			return startImage(t, "KATA_JOURNAL="+dir, "KATA_OUTPUT=forward", "KATA_OUTPUT_PORT="+port)
		}))
	})

	for _, c := range []struct{ name, output, user string }{
		{"es", "es", ""},
		{"es with a password", "es", "fluent"},
		{"opensearch", "opensearch", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			docs := newStream[string]()
			server := httptest.NewServer(bulk(t, c.user, "kata-20", docs))
			defer server.Close()
			to, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			env := []string{"KATA_JOURNAL=" + dir, "KATA_OUTPUT=" + c.output,
				"KATA_OUTPUT_HOST=" + to.Hostname(), "KATA_OUTPUT_PORT=" + to.Port()}
			if c.user != "" {
				env = append(env, "KATA_OUTPUT_USER="+c.user, "KATA_OUTPUT_PASSWORD="+password)
			}
			p := startImage(t, env...)
			docs.wait(t, p, count[string](len(cases)))
			p.stop(t)
			lines, _ := docs.now()
			check(t, cases, jsonEvents(t, lines, "@timestamp"))
		})
	}
}

// collected returns a journal, and those of its cases that the configurations of the image and
// of README.md read: those of Kata's own programs and of container runtimes. The journal also
// has a second copy of the first record, which these configurations drop.
func collected(t *testing.T) (dir string, cases []contractCase) {
	t.Helper()
	all := contractCases(t)
	second := all[0]
	second.Record = maps.Clone(second.Record)
	second.Record["SYSLOG_IDENTIFIER"] = "containerd"
	second.usec = all[len(all)-1].usec + 1
	return casesJournal(t, append(all, second)), slices.DeleteFunc(slices.Clone(all), func(c contractCase) bool {
		id, _ := c.Record["SYSLOG_IDENTIFIER"].(string)
		origin := parser.OriginOf([]byte(id))
		return origin == parser.Nobody || origin == parser.Other
	})
}

const password = "not a secret"

// TestImageFiles: the image reads files of kata-runtime too, and continues after a restart
// where it was.
func TestImageFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, state, journal := filepath.Join(dir, "files"), filepath.Join(dir, "state"), filepath.Join(dir, "journal")
	for _, made := range []string{files, state, journal} {
		if err := os.Mkdir(made, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	input := string(read(t, "examples/json-files/kata-runtime.log"))
	path := filepath.Join(files, "kata-runtime.log")
	write(t, path, input)
	env := []string{"KATA_JOURNAL=" + journal, "KATA_STATE=" + state, "KATA_FILES=" + filepath.Join(dir, "nowhere", "*.log") + "," + path}
	got := printed(t, startImage(t, env...), strings.Count(input, "\n"))
	for i, line := range strings.SplitAfter(strings.TrimSuffix(input, "\n"), "\n") {
		record := jsonRecord(t, got[i])
		if record["log"] != strings.TrimSuffix(line, "\n") || record["kata_msg"] == nil {
			t.Errorf("of %s came %s", line, got[i])
		}
	}

	appendFile(t, path, `{"level":"info","msg":"after a restart","name":"kata-runtime","time":"2020-03-04T09:15:21Z"}`+"\n")
	if got := printed(t, startImage(t, env...), 1); !strings.Contains(got[0], `"kata_msg":"after a restart"`) {
		t.Errorf("after a restart came %s", got[0])
	}
}

// nodeScript starts a program with the journals and the machine ID of a directory in place of
// the machine's. It has a mount namespace of its own.
const nodeScript = `
node=$1; shift
mount --make-rprivate / &&
mount --bind "$node/log" /var/log &&
mount --bind "$node/etc" /etc &&
mount -t tmpfs tmpfs /run && mkdir /run/log &&
mount --bind "$node/run" /run/log || exit 77
exec "$@"
`

// TestImageJournals: with no path set the image reads both journals of a node, the persistent
// one and the volatile one. It runs with the mounts that the manifests in deploy have, and also
// makes the mistakes that are made with these, for docs/operations.md.
func TestImageJournals(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start Fluent Bit with mounts of its own")
	}
	const id = "7c1b2a9e0d3f4b5c8e6f708192a3b4c5"
	journals := t.TempDir()
	writeJournal(t, filepath.Join(journals, "persistent.journal"), appendExport(nil, journalStart, map[string]any{
		"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": "kata", "MESSAGE": "persistent",
	}))
	writeJournal(t, filepath.Join(journals, "volatile.journal"), appendExport(nil, journalStart+1e6, map[string]any{
		"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": "kata", "MESSAGE": "volatile",
	}))
	setpriv := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"}
	dropped := []string{"setpriv", "--bounding-set=-all", "--inh-caps=-all"}
	for _, c := range []struct {
		name       string
		persistent bool
		volatile   bool
		noID       bool
		private    bool // the persistent one is root's alone
		as         []string
		want       []string // MESSAGE
		refused    string   // in the log of a Fluent Bit that does not start
	}{
		{name: "both", persistent: true, volatile: true, want: []string{"persistent", "volatile"}},
		{name: "persistent", persistent: true, want: []string{"persistent"}},
		{name: "volatile", volatile: true, want: []string{"volatile"}},
		{name: "no machine ID", persistent: true, volatile: true, noID: true, want: []string{"persistent", "volatile"}},
		{name: "no journal"},
		{name: "root without capabilities", persistent: true, private: true, as: dropped, want: []string{"persistent"}},
		{name: "another user", persistent: true, volatile: true, private: true, as: setpriv, refused: "[input:kata:journal] journal: /var/log/journal: open /var/log/journal: permission denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			node := t.TempDir()
			if err := os.Chmod(filepath.Dir(node), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, dir := range []string{"log", "run", "etc"} {
				if err := os.Mkdir(filepath.Join(node, dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if !c.noID {
				write(t, filepath.Join(node, "etc", "machine-id"), id+"\n")
			}
			for name, there := range map[string]bool{"log": c.persistent, "run": c.volatile} {
				if !there {
					continue
				}
				dir := filepath.Join(node, name, "journal", id)
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				file, err := os.ReadFile(filepath.Join(journals, map[string]string{"log": "persistent.journal", "run": "volatile.journal"}[name]))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, "system.journal"), string(file))
			}
			if c.private {
				if err := os.Chmod(filepath.Join(node, "log", "journal"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			// A line of this file shows that Fluent Bit runs, also where there is no entry to read.
			last := filepath.Join(node, "last.log")
			write(t, last, "")
			top, env := image(t, "KATA_FILES="+last)
			if c.as != nil {
				for _, dir := range []string{top, filepath.Join(top, "state")} {
					if err := os.Chmod(dir, 0o777); err != nil {
						t.Fatal(err)
					}
				}
			}
			args := append([]string{"-m", "sh", "-c", nodeScript, "sh", node}, c.as...)
			args = append(args, fluentBit, "-c", filepath.Join(top, "etc", "fluent-bit.conf"))
			p := startCommand(t, top, env, exec.Command("unshare", args...))
			if c.refused != "" {
				p.wait(t)
				if log := p.logText(); !strings.Contains(log, c.refused) {
					t.Errorf("it does not say %q", c.refused)
				}
				return
			}
			for _, message := range c.want {
				p.stdout.wait(t, p, func(lines []string) bool { return strings.Contains(strings.Join(lines, ""), `"MESSAGE":"`+message) })
			}
			appendFile(t, last, `time="2020-03-04T09:15:21Z" level=info msg="last" name=kata-runtime source=runtime`+"\n")
			p.stdout.wait(t, p, func(lines []string) bool { return strings.Contains(strings.Join(lines, ""), `"kata_msg":"last"`) })
			p.stop(t)
			lines, _ := p.stdout.now()
			var got []string
			for _, line := range records(lines) {
				if message, ok := jsonRecord(t, line)["MESSAGE"].(string); ok {
					got = append(got, message)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("it has read %q, want %q", got, c.want)
			}
		})
	}
}

// image makes a directory with the image's files, which the Dockerfile has in the same places
// below the root, and returns it with the image's environment.
func image(t *testing.T, env ...string) (top string, all []string) {
	t.Helper()
	top = filepath.Join(t.TempDir(), "fluent-bit")
	for _, dir := range []string{"etc", "lib", "state"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, library := range []string{filterLibrary, inputLibrary, outputLibrary} {
		// The directory that they are built in is private.
		if err := os.Link(library, filepath.Join(top, "lib", filepath.Base(library))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"fluent-bit.conf", "plugins.conf"} {
		text := read(t, "build/image/"+name)
		write(t, filepath.Join(top, "etc", name), strings.ReplaceAll(string(text), "/fluent-bit/", top+"/"))
	}
	for _, set := range regexp.MustCompile(`\b(KATA_\w+)=(\S*)`).FindAllSubmatch(read(t, "Dockerfile"), -1) {
		all = append(all, string(set[1])+"="+strings.ReplaceAll(string(set[2]), "/fluent-bit", top))
	}
	all = append(all, "KATA_METRICS_LISTEN=127.0.0.1", "KATA_METRICS_PORT="+freePort(t))
	return top, append(all, env...)
}

// startImage starts Fluent Bit as in the image.
func startImage(t *testing.T, env ...string) *process {
	t.Helper()
	top, all := image(t, env...)
	return startWith(t, top, all, "-c", filepath.Join(top, "etc", "fluent-bit.conf"))
}

// bulk is the part of Elasticsearch's API that Fluent Bit uses. The names of indices have to
// start with index.
func bulk(t *testing.T, user, index string, docs *stream[string]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/_bulk" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		if name, pass, ok := r.BasicAuth(); ok != (user != "") || name != user || ok && pass != password {
			t.Errorf("Authorization: %q", r.Header.Get("Authorization"))
		}
		lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
		var items []map[string]any
		for i := 0; i+1 < len(lines); i += 2 {
			var action struct{ Create map[string]any }
			if err := json.Unmarshal(lines[i], &action); err != nil || !strings.HasPrefix(fmt.Sprint(action.Create["_index"]), index) || len(action.Create) != 1 {
				t.Errorf("action %s: %v", lines[i], err)
			}
			docs.add(string(lines[i+1]))
			items = append(items, map[string]any{"create": map[string]any{"status": http.StatusCreated}})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": false, "items": items})
	}
}
