//go:build integration

package integration

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
)

const rolePassword = "kata-least-role"

// leastRole returns the privileges that docs/output.md says are needed on Elasticsearch with a
// value of the option setup.
func leastRole(t *testing.T, setup string) (cluster, index []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "output.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "### The least role\n")
	section, _, _ = strings.Cut(section, "OpenSearch:")
	words := regexp.MustCompile("`[^`]+`")
	for row := range strings.Lines(section) {
		cells := strings.Split(row, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "`setup ") {
			continue
		}
		if got := words.FindAllString(cells[3], -1); len(got) > 0 { // otherwise "the same"
			index = got
		}
		if strings.Contains(cells[1], "`setup "+setup+"`") {
			cluster = words.FindAllString(cells[2], -1)
			break
		}
	}
	for _, names := range [][]string{cluster, index} {
		for i := range names {
			names[i] = strings.Trim(names[i], "`")
		}
	}
	if len(index) == 0 || (setup == "off") != (len(cluster) == 0) {
		t.Fatalf("docs/output.md, setup %s: %q, %q", setup, cluster, index)
	}
	return cluster, index
}

// writer is the user of these tests.
const writer = "kata-writer"

// grant sets what the run's user may do, and waits until the server knows it.
func (r *run) grant(cluster, index []string) {
	r.Helper()
	r.user = writer
	role := map[string]any{"cluster": cluster, "indices": []map[string]any{{"names": []string{r.index, r.dead()}, "privileges": index}}}
	text, err := json.Marshal(map[string]any{writer: role}) // it is YAML, too
	if err != nil {
		r.Fatal(err)
	}
	if err := r.server.SetRoles(r.Context(), writer, rolePassword, string(text)); err != nil {
		r.Fatal(err)
	}
	ask := map[string]any{"cluster": everyCluster, "index": []map[string]any{{"names": []string{r.index}, "privileges": everyIndex}}}
	r.wait("the role", func() bool {
		var has struct {
			Cluster map[string]bool
			Index   map[string]map[string]bool
		}
		as := *r.server
		as.User, as.Password = writer, rolePassword
		if as.Do(http.MethodPost, "/_security/user/_has_privileges", ask, &has) != nil {
			return false
		}
		for _, name := range everyCluster {
			if has.Cluster[name] != slices.Contains(cluster, name) {
				return false
			}
		}
		for _, name := range everyIndex {
			if has.Index[r.index][name] != slices.Contains(index, name) {
				return false
			}
		}
		return true
	})
}

// What is asked for to see whether a role is known: all privileges that docs/output.md names.
var (
	everyCluster = []string{"manage_index_templates", "manage_ilm"}
	everyIndex   = []string{"create_doc", "auto_configure"}
)

// TestLeastRole has a user of Elasticsearch's deliver who has the privileges that docs/output.md
// lists, and no others, and then one who lacks one of them. ILM is not in this distribution, so
// that setup full cannot be tested; nor are OpenSearch's roles, which a plugin brings.
func TestLeastRole(t *testing.T) {
	eachServer(t, func(t *testing.T, s *servers.Server) {
		if s.Password == "" {
			t.Skip("it has no roles")
		}
		for _, setup := range []string{"off", "template"} {
			cluster, index := leastRole(t, setup)
			all := slices.Concat(cluster, index)
			for _, lacks := range append([]string{""}, all...) {
				name := "role " + setup
				if lacks != "" {
					name += " without " + lacks
				}
				c := &testCase{name: name, count: 1000, play: func(r *run) {
					without := func(names []string) []string {
						return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == lacks })
					}
					r.more = []pair{{"setup", setup}}
					r.grant(without(cluster), without(index))
					r.start()
					if lacks != "" {
						r.wait("a line that says so", func() bool { return r.process.said(`\[error\].*status 403`) })
						if slices.Contains(index, lacks) {
							time.Sleep(2 * time.Second)
							if n := r.seen(); n != 0 {
								r.Errorf("%d records are stored", n)
							}
						}
						r.grant(cluster, index) // nothing was lost
					}
					r.settle()
					r.stop()
				}}
				t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
					r, res := c.run(t, s, kata, storageOf())
					if res.lost != 0 || res.doubled != 0 || lacks == "" && r.process.said(`status 40[13]`) {
						t.Errorf("%d lost, %d doubled, or something was refused", res.lost, res.doubled)
					}
					if setup == "template" && lacks == "" {
						r.checkMapping()
					}
				})
			}
		}
	})
}

// storageOf returns the storage of cases for which it makes no difference.
func storageOf() string {
	if fluentBit == "" {
		return "standin"
	}
	return memory
}
