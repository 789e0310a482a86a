package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCopyLibraries(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"a.so": "new a", "b.so": "new b", "LICENSE": "text"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A library of an earlier version that is open stays as it is.
	old := filepath.Join(to, "a.so")
	if err := os.WriteFile(old, []byte("old a"), 0o755); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(old)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()

	var out strings.Builder
	if err := copyLibraries(from, to, &out); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(to, "a.so") + "\n" + filepath.Join(to, "b.so") + "\n"; out.String() != want {
		t.Errorf("it printed %q, want %q", out.String(), want)
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if !slices.Equal(names, []string{"a.so", "b.so"}) {
		t.Errorf("there are %q", names)
	}
	if text, err := os.ReadFile(old); err != nil || string(text) != "new a" {
		t.Errorf("a.so has %q, %v", text, err)
	}
	held := make([]byte, 5)
	if _, err := open.Read(held); err != nil || string(held) != "old a" {
		t.Errorf("the open file has %q, %v", held, err)
	}
}

func TestErrors(t *testing.T) {
	empty, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"no argument", run(nil), "usage: copy DIR"},
		{"no libraries", copyLibraries(empty, empty, os.Stdout), "has no libraries"},
		{"no directory", copyLibraries(empty, filepath.Join(empty, "nowhere"), os.Stdout), "no such file or directory"},
		{"a file", copyLibraries(empty, file, os.Stdout), "is not a directory"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
}
