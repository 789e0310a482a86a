package parser

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestImports: who imports the parser gets no other module than golang.org/x/sys,
// and no other package of this one.
func TestImports(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
		cmd.Env = append(os.Environ(), "GOARCH="+arch)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		const own = "github.com/kata-logs/fluent-bit-kata/parser"
		packages := strings.Fields(string(out))
		if len(packages) == 0 || packages[len(packages)-1] != own {
			t.Errorf("%s: %s is not among %q", arch, own, packages)
		}
		for _, p := range packages {
			if p != own && !strings.HasPrefix(p, own+"/") && !strings.HasPrefix(p, "golang.org/x/sys/") {
				t.Errorf("%s: the parser imports %s", arch, p)
			}
		}
	}
}
