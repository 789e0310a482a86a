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

// snippets returns the configurations in a part of a document by the names of their files.
func snippets(t *testing.T, part string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```(ini|yaml)\n(.*?)^```$").FindAllStringSubmatch(part, -1) {
		name := "fluent-bit.yaml"
		if m[1] == "ini" {
			name = "fluent-bit.conf"
			if strings.Contains(m[2], "[PLUGINS]") {
				name = "plugins.conf"
			}
		}
		if _, twice := files[name]; twice {
			t.Fatalf("there is another %s, which no test runs", name)
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
			files := snippets(t, string(read(t, "docs/"+page)))
			if len(files) != 2 {
				t.Fatalf("%d configurations", len(files))
			}
			dir := t.TempDir()
			entries := journal(t, read(t, "examples/"+example+"/input.export"))
			place := strings.NewReplacer(
				"/usr/lib/fluent-bit/in_kata.so", inputLibrary,
				"/var/lib/fluent-bit/", dir+"/",
				"    Name          kata\n", "    Name          kata\n    Path          "+entries+"\n",
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
	_, use, _ := strings.Cut(string(read(t, "README.md")), "\n## Use\n")
	use, rest, _ := strings.Cut(use, "\n## ")
	if n := len(snippets(t, rest)); n != 0 {
		t.Fatalf("README.md has %d more configurations", n)
	}
	for _, part := range strings.Split(use, "\n### ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		files := snippets(t, text)
		config, found := map[string]string{"As an input": "fluent-bit.conf", "As a filter": "fluent-bit.conf", "As a processor": "fluent-bit.yaml"}[heading]
		if _, has := files[config]; has != found {
			t.Errorf("%s: no test runs %v", heading, files)
		}
		if !found {
			continue
		}
		t.Run(heading, func(t *testing.T) {
			t.Parallel()
			runDocumented(t, files, config)
		})
	}
}

// TestInputDoc runs the configurations in docs/input.md in the same way.
func TestInputDoc(t *testing.T) {
	t.Parallel()
	files := snippets(t, string(read(t, "docs/input.md")))
	if len(files) != 3 {
		t.Fatalf("docs/input.md has %d configurations", len(files))
	}
	for _, config := range []string{"fluent-bit.conf", "fluent-bit.yaml"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			runDocumented(t, files, config)
		})
	}
}

// runDocumented runs a configuration that reads the journal of a node: it gives the records of
// collected, and after a restart what has come since.
func runDocumented(t *testing.T, files map[string]string, config string) {
	t.Helper()
	dir := t.TempDir()
	entries, cases := collected(t)
	place := strings.NewReplacer(
		"/usr/lib/fluent-bit/flb-filter_kata.so", filterLibrary,
		"/usr/lib/fluent-bit/in_kata.so", inputLibrary,
		"/var/lib/fluent-bit/", dir+"/",
		// The journal of this test in place of the system's.
		"[INPUT]\n", "[INPUT]\n    Path "+entries+"\n",
		"    - name: systemd\n", "    - name: systemd\n      path: "+entries+"\n",
		"    - name: kata\n      tag:", "    - name: kata\n      path: "+entries+"\n      tag:",
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
}

// TestMigration runs the two sections of a configuration that docs/migration.md has in place of
// Fluentd's: for the journal and for files.
func TestMigration(t *testing.T) {
	t.Parallel()
	const service, output = "[SERVICE]\n    Plugins_File  plugins.conf\n\n", "\n[OUTPUT]\n    Name    stdout\n    Match   *\n    Format  json_lines\n"
	sections := regexp.MustCompile("(?ms)^```ini\n(.*?)^```$").FindAllStringSubmatch(string(read(t, "docs/migration.md")), -1)
	if len(sections) != 2 {
		t.Fatalf("docs/migration.md has %d configurations", len(sections))
	}
	t.Run("journal", func(t *testing.T) {
		t.Parallel()
		runDocumented(t, map[string]string{
			"plugins.conf":    "[PLUGINS]\n    Path /usr/lib/fluent-bit/in_kata.so\n",
			"fluent-bit.conf": sections[0][1] + output,
		}, "fluent-bit.conf")
	})
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		place := strings.NewReplacer("/var/log/", abs(t, "examples/json-files")+"/", "/var/lib/fluent-bit/", dir+"/")
		write(t, filepath.Join(dir, "plugins.conf"), "[PLUGINS]\n    Path "+filterLibrary+"\n")
		write(t, filepath.Join(dir, "fluent-bit.conf"), place.Replace(service+sections[1][1]+output))
		input := string(read(t, "examples/json-files/kata-runtime.log"))
		for _, line := range printed(t, start(t, dir, "-c", "fluent-bit.conf"), strings.Count(input, "\n")) {
			if record := jsonRecord(t, line); record["kata_msg"] == nil || record["log"] != nil {
				t.Errorf("it has given %s", line)
			}
		}
	})
}

// TestReadmeCommands runs the command lines in README.md.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	entries := casesJournal(t, contractCases(t))
	top := t.TempDir()
	if err := os.Symlink(filepath.Dir(filterLibrary), filepath.Join(top, "dist")); err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    fluent-bit (.* -i (?:kata|systemd) .*)$`).FindAllStringSubmatch(string(read(t, "README.md")), -1)
	if len(lines) != 3 {
		t.Fatalf("README.md has %d command lines", len(lines))
	}
	for i, line := range lines {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(regexp.MustCompile(`-i \w+`).ReplaceAllString(line[1], "$0 -p path="+entries))
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
