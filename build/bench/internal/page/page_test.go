package page

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n<!-- measured: y -->\n<!-- end -->\n")
	if err := Section(path, "y", "new"); err != nil {
		t.Fatal(err)
	}
	want := "a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n<!-- measured: y -->\n\nnew\n\n<!-- end -->\n"
	if got, _ := os.ReadFile(path); string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	write("nothing\n")
	if Section(path, "y", "new") == nil {
		t.Error("a page without the section was accepted")
	}
}
