// Package interop compares this module's code and test data with the code of other projects.
// It is a module of its own, so that the plugin does not depend on them.
package interop

import (
	"os"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// corpus returns messages to start fuzzing from: those of real programs, those of package gen,
// and the values in them, which may be messages themselves.
func corpus(t testing.TB) (texts []string) {
	t.Helper()
	add := func(text string) {
		if len(text) < 2000 {
			texts = append(texts, text)
		}
	}
	lines, err := os.ReadFile("../../testdata/corpus/programs.log")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		add(strings.TrimSuffix(line, "\n"))
	}
	g := gen.New(1, 20)
	for range 100 {
		r := g.Record()
		add(r.Get("MESSAGE") + r.Get("log"))
	}
	var d parser.Logfmt
	for _, text := range texts {
		d.Reset([]byte(text))
		for d.Next() {
			if len(d.Value()) > 24 {
				add(string(d.Value()))
			}
		}
	}
	return texts
}
