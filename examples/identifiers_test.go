// Package examples_test compares what users copy.
package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// identifiers are those of Kata's own programs, 1.x and later, and of the
// container runtimes, which carry what its shims log.
var identifiers = []string{
	"kata", "kata-runtime", "kata-proxy", "kata-shim", "kata-netmon", "kata-monitor",
	"containerd", "crio", "cri-o",
}

// TestIdentifiers compares the lists of journal identifiers: each input of the
// systemd plugin, in README.md and in the examples, has
// them all, in one order, and a cursor. Only where two inputs split them each has one.
func TestIdentifiers(t *testing.T) {
	if !slices.Equal(options.Identifiers, identifiers) {
		t.Errorf("the input kata reads %q, want %q", options.Identifiers, identifiers)
	}
	for _, id := range identifiers {
		if parser.OriginOf([]byte(id)) == parser.Other {
			t.Errorf("the parser does not know %s", id)
		}
	}
	files := []string{"../README.md"}
	for _, pattern := range []string{"*/*.conf", "*/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	// In classic configuration and in YAML; the next section ends an input.
	var (
		input      = regexp.MustCompile(`(?im)^ *(?:- )?name:? +systemd\n(?:^(?: *#.*| +.*)?\n)*`)
		identifier = regexp.MustCompile(`(?m)^ *(?:Systemd_Filter +|- )SYSLOG_IDENTIFIER=(\S+)$`)
		cursor     = regexp.MustCompile(`(?im)^ +db:? +\S`)
	)
	inputs := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range input.FindAllString(string(text), -1) {
			inputs++
			var listed []string
			for _, m := range identifier.FindAllStringSubmatch(section, -1) {
				listed = append(listed, m[1])
			}
			split := filepath.Dir(file) == "shimv2-two-inputs" && len(listed) > 0 && isAllOf(listed, identifiers)
			if !split && !slices.Equal(listed, identifiers) {
				t.Errorf("%s: an input reads %q, want %q", file, listed, identifiers)
			}
			if !cursor.MatchString(section) {
				t.Errorf("%s: an input has no DB:\n%s", file, section)
			}
		}
	}
	// Two in README.md, two in each of fourteen examples and two
	// more in kata-output; where two inputs split, one more, since in YAML both are one section here.
	if inputs != 35 {
		t.Errorf("%d inputs of the systemd plugin", inputs)
	}
}

// isAllOf reports whether list has nothing that from does not have.
func isAllOf(list, from []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(from, s) })
}
