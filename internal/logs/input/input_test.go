package input_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
)

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func zstded(t *testing.T, text string, options ...zstd.EOption) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, options...)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func xzed(t *testing.T, text string, dictionary int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: dictionary}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func lz4ed(text string) string {
	var b bytes.Buffer
	w := lz4.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// TestOpen has files by their first bytes, and what is read of them.
func TestOpen(t *testing.T) {
	const text = "time=\"2024\"\nline\n"
	for name, test := range map[string]struct {
		bytes, want string
		err         error
	}{
		"text":        {text, text, nil},
		"empty":       {"", "", nil},
		"gzip":        {gzipped(text), text, nil},
		"two members": {gzipped(text) + gzipped(text), text + text, nil},
		"zstd":        {zstded(t, text), text, nil},
		"twice":       {gzipped(zstded(t, text)), text, input.ErrBinary},
		"xz":          {xzed(t, text, 1<<20), text, nil},
		"large xz":    {xzed(t, text, 64<<20), "", input.ErrTooLarge},
		"torn xz":     {xzed(t, text, 1<<20)[:40], "", io.ErrUnexpectedEOF},
		"lz4":         {lz4ed(text), text, nil},
		"torn lz4":    {lz4ed(text)[:20], "", io.ErrUnexpectedEOF},
		"old lz4":     {"\x02\x21\x4c\x18xyz", "", input.ErrCompressed},
		"zip":         {"PK\x03\x04xyz", "", input.ErrCompressed},
		"elf":         {"\x7fELF\x02\x01\x00", "", input.ErrBinary},
		"few NULs":    {text + "\x00\x00" + text + text, text + "\x00\x00" + text + text, nil},
		"many NULs":   {text + strings.Repeat("\x00", 40), "", input.ErrBinary},
		"in gzip":     {gzipped("\x7fELF\x02\x01\x00"), "", input.ErrBinary},
		"export":      {"__CURSOR=x\nMESSAGE\n\x01\x00\x00\x00\x00\x00\x00\x00a\n\n", "__CURSOR=x\nMESSAGE\n\x01\x00\x00\x00\x00\x00\x00\x00a\n\n", nil},
		"later":       {strings.Repeat("x", 600) + "\x00", strings.Repeat("x", 600) + "\x00", nil},
		"torn gzip":   {gzipped(text)[:20], "", io.ErrUnexpectedEOF},
		"large zstd":  {zstded(t, strings.Repeat("x", 16<<20), zstd.WithWindowSize(64<<20)), "", input.ErrTooLarge},
		"in a frame":  {zstded(t, text) + zstded(t, strings.Repeat("x", 16<<20), zstd.WithWindowSize(64<<20)), "", zstd.ErrWindowSizeExceeded},
		"no bzip2":    {"BZh is no file\n", "BZh is no file\n", nil},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(test.bytes), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(path)
		if !errors.Is(err, test.err) || err == nil && got != test.want {
			t.Errorf("%s: %q, %v, want %v", name, got, err, test.err)
		}
		var e *input.Error
		if err != nil && (!errors.As(err, &e) || e.Name != path || strings.Count(err.Error(), path) != 1) {
			t.Errorf("%s: the error is %q", name, err)
		}
	}
}

func readAll(path string) (string, error) {
	list, errs := input.List([]string{path}, input.Options{})
	if len(errs) > 0 {
		return "", errs[0]
	}
	r, err := list[0].Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// TestList checks folders: all files of them, in the order of names, and nothing else.
func TestList(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b/2.log": "x", "b/1.log": gzipped("x"), "a.log": "x", "core": "\x7fELF\x00", "system.journal": "LPKSHHRH\x00"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	list, errs := input.List([]string{dir, filepath.Join(dir, "a.log"), "/nonexistent"}, input.Options{})
	var names []string
	for _, s := range list {
		name, _ := filepath.Rel(dir, s.Name)
		if len(s.Journal) > 0 {
			name += " (journal)"
		}
		names = append(names, name)
	}
	if got := strings.Join(names, ", "); got != "a.log, b/1.log, b/2.log, system.journal (journal), a.log" {
		t.Errorf("got %s", got)
	}
	if len(errs) != 2 || !errors.Is(errs[0], input.ErrBinary) || !errors.Is(errs[1], os.ErrNotExist) {
		t.Errorf("errors %v", errs)
	}
}

// TestSpool checks that what is kept of a pipe ends with a line, and that no byte is lost.
func TestSpool(t *testing.T) {
	const text = "one\ntwo\nthree\n"
	for limit := int64(1); limit < 20; limit++ {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.WriteString(text)
		_ = w.Close()
		list, errs := input.List([]string{input.Stdin}, input.Options{Stdin: r, Limit: limit, Dir: t.TempDir()})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		var kept string
		for range 2 { // it can be read twice
			in, err := list[0].Open()
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(in)
			kept = string(b)
		}
		rest := ""
		if list[0].Rest() != nil {
			b, _ := io.ReadAll(list[0].Rest())
			rest = string(b)
		}
		if kept+rest != text || int64(len(kept)) > limit || kept != "" && !strings.HasSuffix(kept, "\n") {
			t.Errorf("limit %d: %q and %q", limit, kept, rest)
		}
		if limit >= int64(len(text)) && rest != "" {
			t.Errorf("limit %d: %q is not kept", limit, rest)
		}
	}
}
