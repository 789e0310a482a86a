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
			server := httptest.NewServer(bulk(t, c.user, docs))
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

// startImage starts Fluent Bit in a directory with the image's files, which the Dockerfile has
// in the same places below the root.
func startImage(t *testing.T, env ...string) *process {
	t.Helper()
	top := filepath.Join(t.TempDir(), "fluent-bit")
	for _, dir := range []string{"etc", "state"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Dir(filterLibrary), filepath.Join(top, "lib")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fluent-bit.conf", "plugins.conf"} {
		text := read(t, "build/image/"+name)
		write(t, filepath.Join(top, "etc", name), strings.ReplaceAll(string(text), "/fluent-bit/", top+"/"))
	}
	var defaults []string
	for _, set := range regexp.MustCompile(`\b(KATA_\w+)=(\S*)`).FindAllSubmatch(read(t, "Dockerfile"), -1) {
		defaults = append(defaults, string(set[1])+"="+strings.ReplaceAll(string(set[2]), "/fluent-bit", top))
	}
	return startWith(t, top, append(defaults, env...), "-c", filepath.Join(top, "etc", "fluent-bit.conf"))
}

// bulk is the part of Elasticsearch's API that Fluent Bit uses.
func bulk(t *testing.T, user string, docs *stream[string]) http.HandlerFunc {
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
			if err := json.Unmarshal(lines[i], &action); err != nil || !strings.HasPrefix(fmt.Sprint(action.Create["_index"]), "kata-20") || len(action.Create) != 1 {
				t.Errorf("action %s: %v", lines[i], err)
			}
			docs.add(string(lines[i+1]))
			items = append(items, map[string]any{"create": map[string]any{"status": http.StatusCreated}})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": false, "items": items})
	}
}
