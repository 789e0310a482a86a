// Package fluentbit measures the cost of the filter in Fluent Bit and in the stand-in for it.
package fluentbit

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

var (
	//go:embed src/filter.h
	filterSource []byte
	//go:embed src/copy.c
	copySource []byte
	//go:embed src/grow.c
	growSource []byte
	//go:embed src/ready.c
	readySource []byte
	//go:embed src/loop.c
	loopSource []byte
	//go:embed src/logfmt.lua
	luaSource []byte
)

// root is the top of the project, as seen from build/bench, where the suite runs.
const root = "../.."

// Bench has what is needed to measure, in a temporary directory.
type Bench struct {
	dir     string
	library string // this module's filter
	copying string // a filter that only copies
	growing string // a filter that copies and adds fixed pairs
}

// New builds the libraries in a temporary directory, which Close removes.
func New() (*Bench, error) {
	dir, err := os.MkdirTemp("", "kata-bench-")
	if err != nil {
		return nil, err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	b := &Bench{dir: dir, library: at("flb-filter_kata.so"), copying: at("flb-filter_copy.so"), growing: at("flb-filter_grow.so")}
	if err := b.build(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close removes the directory.
func (b *Bench) Close() { _ = os.RemoveAll(b.dir) }

func (b *Bench) build() error {
	for name, text := range map[string][]byte{"filter.h": filterSource, "copy.c": copySource, "grow.c": growSource, "ready.c": readySource, "loop.c": loopSource, "logfmt.lua": luaSource, "parsers.conf": []byte(parsers)} {
		if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o644); err != nil {
			return err
		}
	}
	if err := build("input", filepath.Join(b.dir, "in_kata.so")); err != nil {
		return err
	}
	// KATA_LIBRARY names another one, to compare versions.
	if named := os.Getenv("KATA_LIBRARY"); named != "" {
		full, err := filepath.Abs(named)
		if err != nil {
			return err
		}
		if err := os.Symlink(full, b.library); err != nil {
			return err
		}
	} else if err := build("filter", b.library); err != nil {
		return err
	}
	if err := b.cc(filepath.Join(b.dir, "in_ready.so"), "-shared", "-fPIC", filepath.Join(b.dir, "ready.c")); err != nil {
		return err
	}
	if err := b.cc(filepath.Join(b.dir, "loop"), filepath.Join(b.dir, "loop.c"), "-ldl"); err != nil {
		return err
	}
	if err := b.cc(b.copying, "-shared", "-fPIC", filepath.Join(b.dir, "copy.c")); err != nil {
		return err
	}
	return b.cc(b.growing, "-shared", "-fPIC", filepath.Join(b.dir, "grow.c"))
}

// build builds a library as `make build` does.
func build(plugin, path string) error {
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", path, "./plugin/"+plugin)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	return loud(cmd)
}

// cc runs the C compiler.
func (b *Bench) cc(out string, args ...string) error {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	return loud(exec.Command(cc, append([]string{"-std=gnu11", "-O2", "-o", out}, args...)...))
}

func loud(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}
