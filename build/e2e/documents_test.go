//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocuments runs Fluent Bit's --dry-run on every configuration in a document. What a
// fragment leaves out is added: the section that loads the libraries, an input, an output.
func TestDocuments(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?ms)^ *```(ini|yaml)\n(.*?)^ *```$")
	ran := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(name, ".") && path != root || name == "dist" || name == "testdata"):
			return fs.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, m := range block.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[2], "apiVersion:") { // of Kubernetes: build/manifests has it
				continue
			}
			ran++
			t.Run(fmt.Sprintf("%s %d", strings.TrimPrefix(path, root+"/"), i+1), func(t *testing.T) {
				t.Parallel()
				dryRunFragment(t, m[1], m[2])
			})
		}
		return nil
	})
	if err != nil || ran < 5 {
		t.Errorf("%d configurations, %v", ran, err)
	}
}

// dryRunFragment checks a configuration or a part of one.
func dryRunFragment(t *testing.T, language, text string) {
	t.Helper()
	dir := t.TempDir()
	libraries := strings.NewReplacer("/usr/lib/fluent-bit/flb-filter_kata.so", filterLibrary, "/usr/lib/fluent-bit/kata.so", outputLibrary,
		"/usr/lib/fluent-bit/in_kata.so", inputLibrary)
	text = libraries.Replace(text)
	plugins := "[PLUGINS]\n    Path " + filterLibrary + "\n    Path " + outputLibrary + "\n    Path " + inputLibrary + "\n"
	name := "fluent-bit.conf"
	has := func(pattern string) bool { return regexp.MustCompile(`(?im)^` + pattern).MatchString(text) }
	switch {
	case language == "yaml":
		name = "fluent-bit.yaml"
		if !has(`plugins:`) {
			text = "plugins:\n  - " + filterLibrary + "\n  - " + outputLibrary + "\n  - " + inputLibrary + "\n" + text
		}
		if !has(`pipeline:`) {
			text += "\npipeline:\n  inputs:\n    - name: dummy\n  outputs:\n    - {name: 'null', match: '*'}\n"
		}
	default:
		if has(`\[PLUGINS\]`) {
			plugins, text = text, ""
		}
		if !has(`\[SERVICE\]`) {
			text = "[SERVICE]\n    Plugins_File plugins.conf\n" + text
		}
		if !has(`\[INPUT\]`) {
			text += "\n[INPUT]\n    Name dummy\n"
		}
		if !has(`\[OUTPUT\]`) {
			text += "\n[OUTPUT]\n    Name null\n    Match *\n"
		}
	}
	write(t, filepath.Join(dir, "plugins.conf"), plugins)
	write(t, filepath.Join(dir, name), text)
	cmd := exec.Command(fluentBit, "--dry-run", "-c", name)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "configuration test is successful") {
		t.Errorf("%v: %v\n%s\n%s", cmd, err, text, out)
	}
}
