package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMusl: a program on musl cannot load the libraries, and says of it what docs/operations.md has.
func TestMusl(t *testing.T) {
	compiler, err := exec.LookPath("musl-gcc")
	if err != nil {
		t.Skipf("%v (package musl-tools)", err)
	}
	const says = "initial-exec TLS resolves to dynamic definition"
	docs, err := os.ReadFile("../../docs/operations.md")
	if err != nil || !strings.Contains(string(docs), "| `"+says+"` |") {
		t.Errorf("docs/operations.md has no row for %q: %v", says, err)
	}
	program := filepath.Join(t.TempDir(), "load")
	source := program + ".c"
	const text = `#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) { return dlopen(argv[argc - 1], RTLD_NOW) ? 0 : !puts(dlerror()); }
`
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for mode, library := range release {
		out, err := exec.Command(program, library).CombinedOutput()
		if !strings.Contains(string(out), says) {
			t.Errorf("%s: %v\n%s", mode, err, out)
		}
	}
}
