package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The filter has no network code: what would bring it must not be imported.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string]bool{}
	for _, path := range strings.Fields(string(out)) {
		imports[path] = true
		if path == "net" || strings.HasPrefix(path, "net/") || strings.HasPrefix(path, "crypto/tls") || strings.HasPrefix(path, "github.com/fluent/") {
			t.Errorf("the filter imports %s", path)
		}
	}
	if !imports["github.com/kata-logs/fluent-bit-kata/internal/transform"] {
		t.Errorf("not the filter's imports: %s", out)
	}
}
