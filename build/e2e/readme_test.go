//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// snippets returns the configurations in a document by the names of their files.
func snippets(t *testing.T, document string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```(ini|yaml)\n(.*?)^```$").FindAllStringSubmatch(string(read(t, document)), -1) {
		name := "fluent-bit.yaml"
		if m[1] == "ini" {
			name = "fluent-bit.conf"
			if strings.Contains(m[2], "[PLUGINS]") {
				name = "plugins.conf"
			}
		}
		if _, twice := files[name]; twice {
			t.Fatalf("%s has another %s, which no test runs", document, name)
		}
		files[name] = m[2]
	}
	return files
}

// kataPages has the pages about the generations of Kata, each with an example.
var kataPages = map[string]string{
	"kata-1.md":      "kata1-crio",
	"kata-2.md":      "kata2-containerd",
	"kata-3-go.md":   "kata3-go",
	"kata-3-rust.md": "runtime-rs",
}

// TestKataPages: the configuration of each page gives, of the journal of its example, what the
// example gives.
func TestKataPages(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(abs(t, "docs/kata-[0-9]*.md"))
	if err != nil || len(pages) != len(kataPages) {
		t.Fatalf("pages %q, %v", pages, err)
	}
	for page, example := range kataPages {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			files := snippets(t, "docs/"+page)
			if len(files) != 2 {
				t.Fatalf("%d configurations", len(files))
			}
			dir := t.TempDir()
			entries := journal(t, read(t, "examples/"+example+"/input.export"))
			place := strings.NewReplacer(
				"/usr/lib/fluent-bit/flb-filter_kata.so", filterLibrary,
				"/var/lib/fluent-bit/", dir+"/",
				"    Name            systemd\n", "    Name            systemd\n    Path            "+entries+"\n",
			)
			for name, text := range files {
				write(t, filepath.Join(dir, name), place.Replace(text))
			}
			want := lines(t, "examples/"+example+"/output.jsonl")
			got := printed(t, start(t, dir, "-c", "fluent-bit.conf"), len(want))
			for i := range want {
				if wrong := contract.Diff(jsonRecord(t, want[i]), jsonRecord(t, got[i])); wrong != nil {
					t.Errorf("line %d:\n\t%s", i+1, strings.Join(wrong, "\n\t"))
				}
			}
		})
	}
}

// TestReadme runs the configurations in README.md with other paths: they read the records that
// they select, and after a restart continue at the stored position.
func TestReadme(t *testing.T) {
	t.Parallel()
	files := snippets(t, "README.md")
	if len(files) != 3 {
		t.Fatalf("README.md has %d configurations", len(files))
	}
	for _, config := range []string{"fluent-bit.conf", "fluent-bit.yaml"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			entries, cases := collected(t)
			place := strings.NewReplacer(
				"/usr/lib/fluent-bit/flb-filter_kata.so", filterLibrary,
				"/var/lib/fluent-bit/", dir+"/",
				// The journal of this test in place of the system's.
				"    Name           systemd\n", "    Name           systemd\n    Path           "+entries+"\n",
				"    - name: systemd\n", "    - name: systemd\n      path: "+entries+"\n",
			)
			for name, text := range files {
				placed := place.Replace(text)
				if name != "plugins.conf" && !strings.Contains(placed, entries) {
					t.Fatalf("%s: no place for the journal's path", name)
				}
				write(t, filepath.Join(dir, name), placed)
			}
			got := printed(t, start(t, dir, "-c", config), len(cases))
			for i, e := range jsonEvents(t, got, "date") {
				if wrong := cases[i].Compare(contract.Event{Body: cases[i].Record}, contract.Event{Time: cases[i].Time, Body: e.body}); wrong != nil {
					t.Errorf("%s:\n\t%s", cases[i].Name, strings.Join(wrong, "\n\t"))
				}
			}

			writeJournal(t, filepath.Join(entries, "later.journal"), appendExport(nil, journalStart+1e6, map[string]any{
				"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": "cri-o", "MESSAGE": "after a restart",
			}))
			if got := printed(t, start(t, dir, "-c", config), 1); !strings.Contains(got[0], `"after a restart"`) {
				t.Errorf("after a restart came %s", got[0])
			}
		})
	}
}

// TestReadmeCommands runs the command lines in README.md.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	entries := casesJournal(t, contractCases(t))
	top := t.TempDir()
	if err := os.Symlink(filepath.Dir(filterLibrary), filepath.Join(top, "dist")); err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    fluent-bit (.* -i systemd .*)$`).FindAllStringSubmatch(string(read(t, "README.md")), -1)
	if len(lines) != 2 {
		t.Fatalf("README.md has %d command lines", len(lines))
	}
	for i, line := range lines {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(strings.Replace(line[1], "-i systemd", "-i systemd -p path="+entries, 1))
			for i := range args {
				args[i] = strings.Trim(args[i], "'")
			}
			p := start(t, top, args...)
			parsed := regexp.MustCompile(`"kata_msg"(=>|:)"release sandbox"`)
			p.stdout.wait(t, p, func(lines []string) bool { return parsed.MatchString(strings.Join(lines, "\n")) })
			p.stop(t)
		})
	}
}
