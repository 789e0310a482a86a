//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestTroubleshooting makes the mistakes in the tables of docs/operations.md: Fluent Bit logs
// what the tables have, and ends or continues.
func TestTroubleshooting(t *testing.T) {
	t.Parallel()
	if !isVersion(t, "v5.1.") {
		t.Skip("the table is for Fluent Bit 5.1")
	}
	const (
		noPlugin  = "[config] section 'kata' tried to instance a plugin name that doesn't exist"
		misspelt  = "unknown configuration property 'min_lvl'"
		badValue  = `min_level: "loud" is not one of …`
		ended     = "[reload] loaded configuration contains error(s). Reloading is aborted"
		refused   = "[reload] reloaded config is invalid. Reloading is halted"
		noFile    = "[plugin] dlopen() … cannot open shared object file"
		noGoFile  = "[proxy] error opening plugin …"
		noDaemon  = "kata does not run in daemon mode (-d, Daemon On)" // TestDaemon
		noJournal = "could not open the Journal"
		noReading = "journal: …: permission denied"
		noGlibc   = "GLIBC_2.34' not found"
		noMusl    = "initial-exec TLS resolves to dynamic definition"                   // TestMusl of internal/host
		tooOld    = "this program has no function …; Fluent Bit 2.2 or later is needed" // tests of internal/host
	)
	as := func(name string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.Symlink(outputLibrary, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	filter := func(library string, more ...string) []string {
		return append([]string{"-e", library, "-i", "dummy", "-F", "kata", "-m", "*", "-o", "null"}, more...)
	}
	output := func(library string) []string { return []string{"-e", library, "-i", "dummy", "-o", "kata", "-m", "*"} }
	processor := filepath.Join(configure(t, "fluent-bit.yaml", `
plugins: ["${LIBRARY}"]
pipeline:
  inputs:
    - name: dummy
      processors: {logs: [{name: kata}]}
  outputs:
    - {name: "null", match: "*"}
`, vars{"LIBRARY": outputLibrary}), "fluent-bit.yaml")

	documented := map[string]bool{noDaemon: true, noMusl: true, tooOld: true}
	for _, c := range []struct {
		name, says string
		args       []string
	}{
		{"the output as filter", noPlugin, filter(outputLibrary)},
		{"the filter as output", noPlugin, output(filterLibrary)},
		{"the output as processor", "[processor] error creating processor 'kata': plugin doesn't exist or failed to initialize", []string{"-c", processor}},
		{"a third name", "registration structure is missing 'out_kata_plugin'", output(as("flb-out_kata.so"))},
		{"a fourth name", "[plugin] invalid plugin type", filter(as("flb-kata.so"))},
		{"no such filter", noFile, filter("${NOWHERE}/flb-filter_kata.so")},
		{"no such output", noGoFile, output("nowhere/kata.so")},
		{"misspelt", misspelt, filter(filterLibrary, "-F", "kata", "-m", "*", "-p", "min_lvl=info")},
		{"bad value", badValue, filter(filterLibrary, "-F", "kata", "-m", "*", "-p", "min_level=loud")},
		{"no place for storage", "cannot initialize root path", []string{"-b", "/proc/nowhere", "-i", "dummy", "-o", "null"}},
		{"systemd's filters", "configuration property 'systemd_filter' is set 2 times", []string{"-e", inputLibrary, "-i", "kata", "-p", "systemd_filter=A=b", "-p", "systemd_filter=C=d", "-o", "null"}},
		{"no directory for db", "db: open …: no such file or directory", []string{"-e", inputLibrary, "-i", "kata", "-p", "db=nowhere/kata.pos", "-o", "null"}},
		{"one db for two", "db: another input kata has …", []string{"-e", inputLibrary, "-i", "kata", "-p", "db=kata.pos", "-i", "kata", "-p", "db=kata.pos", "-o", "null"}},
		{"no such path", "given path … is invalid", []string{"-i", "systemd", "-p", "path=" + t.TempDir() + "/journal", "-o", "null"}},
	} {
		documented[c.says] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, t.TempDir(), c.args...)
			if p.wait(t) == 0 {
				t.Error("Fluent Bit ended without an error")
			}
			said(t, p, c.says)
		})
	}

	documented[noGlibc] = true
	t.Run("an older glibc", func(t *testing.T) {
		t.Parallel()
		library, version := forLaterGlibc(t)
		p := start(t, t.TempDir(), filter(library)...)
		if p.wait(t) == 0 {
			t.Error("Fluent Bit ended without an error")
		}
		said(t, p, strings.Replace(noGlibc, "GLIBC_2.34", version, 1))
	})

	for input, words := range map[string]string{"systemd": noJournal, "kata": noReading} {
		documented[words] = true
		t.Run("a journal that the user may not read by "+input, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir, library := filepath.Join(top, "journal"), filepath.Join(top, "in_kata.so") // the one of the tests is in a private directory
			if err := os.Mkdir(dir, 0); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(inputLibrary, library); err != nil {
				t.Fatal(err)
			}
			cmd := []string{fluentBit, "-e", library, "-i", input, "-p", "path=" + dir, "-o", "null"}
			if os.Geteuid() == 0 {
				for _, public := range []string{top, filepath.Dir(top)} {
					if err := os.Chmod(public, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				cmd = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"}, cmd...)
			}
			p := startCommand(t, "/", nil, exec.Command(cmd[0], cmd[1:]...))
			if p.wait(t) == 0 {
				t.Error("Fluent Bit ended without an error")
			}
			said(t, p, words)
		})
	}

	for _, c := range []struct {
		name, filter, processor string
		says                    string
		ends                    bool
	}{
		{name: "a filter's bad value", filter: "min_level: loud", says: ended, ends: true},
		{name: "a processor's bad value", processor: "min_level: loud", says: ended, ends: true},
		{name: "a processor's misspelt option", processor: "min_lvl: info", says: ended, ends: true},
		{name: "a filter's misspelt option", filter: "min_lvl: info", says: refused},
	} {
		documented[c.says] = true
		t.Run("reload with "+c.name, func(t *testing.T) {
			t.Parallel()
			config := func(filter, processor string) string {
				return strings.NewReplacer("FILTER", filter, "PROCESSOR", processor).Replace(`
service: {flush: 0.1, hot_reload: on}
plugins: ["` + filterLibrary + `"]
pipeline:
  inputs:
    - name: dummy
      processors: {logs: [{name: kata, PROCESSOR}]}
  filters:
    - {name: kata, match: "*", FILTER}
  outputs:
    - {name: stdout, match: "*"}
`)
			}
			dir := t.TempDir()
			file := filepath.Join(dir, "fluent-bit.yaml")
			const good = "min_level: info"
			write(t, file, config(good, good))
			p := start(t, dir, "-c", file)
			p.stdout.wait(t, p, count[string](1))
			write(t, file, config(cmp.Or(c.filter, good), cmp.Or(c.processor, good)))
			dry, err := exec.Command(fluentBit, "--dry-run", "-c", file).CombinedOutput()
			if found := err != nil; found == c.ends {
				t.Errorf("--dry-run has found it: %v\n%s", found, dry)
			}
			signal(t, p, syscall.SIGHUP)
			if c.ends {
				if p.wait(t) == 0 {
					t.Error("Fluent Bit ended without an error")
				}
				said(t, p, c.says)
				return
			}
			p.log.wait(t, p, func([]string) bool { return says(p, c.says) })
			lines, _ := p.stdout.now()
			p.stdout.wait(t, p, count[string](len(lines)+1))
			p.stop(t)
		})
	}

	t.Run("no directory for DB", func(t *testing.T) {
		t.Parallel()
		dir := casesJournal(t, contractCases(t))
		p := start(t, t.TempDir(), "-f", "0.1", "-i", "systemd", "-p", "path="+dir, "-p", "db="+t.TempDir()+"/nowhere/kata.db", "-o", "stdout")
		p.stdout.wait(t, p, count[string](1)) // it continues without
		p.stop(t)
		said(t, p, "could not open/create database")
	})

	// The first columns of the two tables of log lines.
	docs := string(read(t, "docs/operations.md"))
	tables := docs[strings.Index(docs, "### Fluent Bit does not start"):strings.Index(docs, "### No records")]
	rows := regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(tables, -1)
	for _, row := range rows {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			if !documented[m[1]] {
				t.Errorf("docs/operations.md: nothing makes Fluent Bit say %q", m[1])
			}
			delete(documented, m[1])
		}
	}
	for words := range documented {
		t.Errorf("docs/operations.md has no row for %q", words)
	}
}

// TestSilentMistakes makes the mistakes in docs/operations.md of which Fluent Bit says nothing: it
// runs, and the last line of the filter is what the document says. The mounts of a container are
// TestImageJournals.
func TestSilentMistakes(t *testing.T) {
	t.Parallel()
	entries := t.TempDir()
	writeJournal(t, filepath.Join(entries, "a.journal"), appendExport(nil, journalStart, map[string]any{
		"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": "kata",
		"MESSAGE": `time="2020-03-04T09:15:21.5Z" level=info msg="a record of Kata" name=containerd-shim-v2 source=virtcontainers`,
	}))
	lines := filepath.Join(t.TempDir(), "kata.log")
	write(t, lines, `{"level":"info","msg":"a record of Kata","name":"kata-runtime","source":"runtime","time":"2020-03-04T09:15:21Z"}`+"\n")
	asNobody := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"}

	const (
		ofJournal = "[INPUT]\n    Name systemd\n    Tag kata\n    Path JOURNAL\n    Systemd_Filter SYSLOG_IDENTIFIER=kata\n"
		ofFile    = "[INPUT]\n    Name tail\n    Tag kata\n    Path FILE\n    Read_From_Head On\n"
	)
	for _, c := range []struct {
		name    string
		input   string // ofJournal if empty
		filter  string // options of the filter, Match kata if empty
		private bool   // the files of the journal are of another user
		comes   bool   // a record comes out
		says    string // the filter, at the end
	}{
		{name: "none", comes: true, says: "records{parsed=1}"},
		{name: "an empty directory", input: strings.Replace(ofJournal, "JOURNAL", "EMPTY", 1), says: "records{}"},
		{name: "files of another user", private: true, says: "records{}"},
		{name: "two identifiers at once", input: ofJournal + "    Systemd_Filter SYSLOG_IDENTIFIER=containerd\n    Systemd_Filter_Type And\n", says: "records{}"},
		{name: "a key that is not there", filter: "Match kata\n    Key_Name log", comes: true, says: "records{untouched=1}"},
		{name: "another tag", filter: "Match other", comes: true, says: "records{}"},
		{name: "a parser at the input", input: ofFile + "    Parser json\n", comes: true, says: "records{untouched=1}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, path := range []string{dir, filepath.Dir(dir)} {
				if err := os.Chmod(path, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Link(filterLibrary, filepath.Join(dir, "flb-filter_kata.so")); err != nil {
				t.Fatal(err)
			}
			journal := filepath.Join(dir, "journal")
			if err := os.CopyFS(journal, os.DirFS(entries)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
				t.Fatal(err)
			}
			input := strings.NewReplacer("JOURNAL", journal, "EMPTY", filepath.Join(dir, "empty"), "FILE", lines).Replace(cmp.Or(c.input, ofJournal))
			write(t, filepath.Join(dir, "parsers.conf"), "[PARSER]\n    Name json\n    Format json\n")
			write(t, filepath.Join(dir, "plugins.conf"), "[PLUGINS]\n    Path "+filepath.Join(dir, "flb-filter_kata.so")+"\n")
			write(t, filepath.Join(dir, "fluent-bit.conf"), "[SERVICE]\n    Flush 0.1\n    Plugins_File plugins.conf\n    Parsers_File parsers.conf\n"+input+
				"[INPUT]\n    Name dummy\n    Tag alive\n    Dummy {\"alive\":1}\n"+
				"[FILTER]\n    Name kata\n    "+cmp.Or(c.filter, "Match kata")+"\n[OUTPUT]\n    Name stdout\n    Match *\n    Format json_lines\n")
			cmd := []string{fluentBit, "-c", "fluent-bit.conf"}
			if c.private {
				if err := os.Chmod(filepath.Join(journal, "a.journal"), 0o600); err != nil {
					t.Fatal(err)
				}
				if os.Geteuid() != 0 {
					t.Skip("only root can be another user")
				}
				cmd = append(asNobody, cmd...)
			}
			p := startCommand(t, dir, nil, exec.Command(cmd[0], cmd[1:]...))
			ofKata := func(lines []string) bool { return strings.Contains(strings.Join(lines, "\n"), "a record of Kata") }
			p.stdout.wait(t, p, func(lines []string) bool {
				alive := strings.Count(strings.Join(lines, "\n"), `"alive"`) // one a second
				return c.comes && ofKata(lines) || !c.comes && alive >= 4
			})
			p.stop(t)
			out, _ := p.stdout.now()
			if ofKata(out) != c.comes {
				t.Errorf("a record of Kata's: %v\n%s", !c.comes, strings.Join(out, "\n"))
			}
			if !strings.Contains(p.logText(), "in all: "+c.says+" ") {
				t.Errorf("the filter does not say %s", c.says)
			}
			if errors := regexp.MustCompile(`(?m)^.*\[ *error\].*$`).FindString(p.logText()); errors != "" {
				t.Errorf("Fluent Bit says %s", errors)
			}
		})
	}
}

// said checks that the log of p, which has ended, has the words, in which … matches any text.
func said(t *testing.T, p *process, words string) {
	t.Helper()
	if !says(p, words) {
		t.Errorf("the log does not say %s", words)
	}
}

// says reports whether it has.
func says(p *process, words string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(words), "…", ".*")
	return regexp.MustCompile(pattern).MatchString(p.logText())
}

// forLaterGlibc returns a copy of the filter that needs a version of glibc which does not exist, and
// that version's name.
func forLaterGlibc(t *testing.T) (library, version string) {
	t.Helper()
	file, err := elf.Open(filterLibrary)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	names := file.Section(".dynstr")
	table, err := names.Data()
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(table, []byte("\x00GLIBC_2."))
	if at < 0 {
		t.Fatalf("%s needs no version of glibc", filterLibrary)
	}
	table[at+len("\x00GLIBC_")] = '9'
	name, _, _ := bytes.Cut(table[at+1:], []byte{0})
	text, err := os.ReadFile(filterLibrary)
	if err != nil {
		t.Fatal(err)
	}
	copy(text[names.Offset:], table)
	library = filepath.Join(t.TempDir(), filepath.Base(filterLibrary))
	if err := os.WriteFile(library, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return library, string(name)
}
