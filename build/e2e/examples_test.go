//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// TestExamples runs a copy of each example as its README describes, and compares the output
// with the file beside it.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, example := range []string{"journal", "json-files"} {
		for _, config := range []string{"fluent-bit.conf", "fluent-bit.yaml"} {
			t.Run(example+" "+config, func(t *testing.T) {
				t.Parallel()
				top := t.TempDir()
				if err := os.CopyFS(filepath.Join(top, "examples"), os.DirFS(abs(t, "examples"))); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(filepath.Dir(filterLibrary), filepath.Join(top, "dist")); err != nil {
					t.Fatal(err)
				}
				dir := filepath.Join(top, "examples", example)
				// These are left by users who have run the example in place.
				for _, left := range []string{"journal", "kata.db"} {
					if err := os.RemoveAll(filepath.Join(dir, left)); err != nil {
						t.Fatal(err)
					}
				}
				if export, err := os.ReadFile(filepath.Join(dir, "input.export")); err == nil {
					if err := os.Mkdir(filepath.Join(dir, "journal"), 0o755); err != nil {
						t.Fatal(err)
					}
					writeJournal(t, filepath.Join(dir, "journal", "kata.journal"), export)
				}
				want := strings.Split(strings.TrimSpace(string(read(t, "examples/"+example+"/output.jsonl"))), "\n")

				got := printed(t, start(t, dir, "-c", config), len(want))
				for i := range want {
					if wrong := contract.Diff(jsonRecord(t, want[i]), jsonRecord(t, got[i])); wrong != nil {
						t.Errorf("line %d:\n\t%s", i+1, strings.Join(wrong, "\n\t"))
					}
				}
			})
		}
	}
}
