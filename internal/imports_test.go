// Package internal_test checks which packages may import which.
package internal_test

import (
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "github.com/kata-logs/fluent-bit-kata/"

// imports has the packages that others are built on, with all that they may import, directly
// or not, beside the standard library: packages and what is below them. The network is in
// none of them.
var imports = map[string][]string{
	"internal/event":         nil,
	"journal":                {"golang.org/x/sys", "github.com/klauspost/compress", "github.com/pierrec/lz4/v4", "github.com/ulikunitz/xz"},
	"internal/journalfields": nil,
	"internal/contract":      nil,
	// Of kata-logs: what reads and writes records knows nothing of files that are opened, and
	// nothing of the command line.
	"internal/logs/record": {module + "internal/event"},
	"internal/logs/order":  {module + "internal/event", module + "internal/logs/record"},
	"internal/logs/lines":  {module + "internal/event", module + "internal/logs/record", "github.com/json-iterator/go", "github.com/modern-go"},
	"internal/logs/choose": {module + "internal/event", module + "internal/logs/lines", module + "internal/logs/record", module + "internal/pods", module + "parser",
		"github.com/hashicorp/golang-lru/v2", "github.com/json-iterator/go", "github.com/modern-go", "golang.org/x/sys"},
	"internal/gen":     {module + "internal/event"},
	"internal/options": {module + "parser", "golang.org/x/sys"},
	"internal/pods":    {"github.com/hashicorp/golang-lru/v2"},
	"internal/limit":   nil,
	"internal/collect": {module + "internal/event", module + "internal/journalfields", module + "internal/limit", module + "internal/options", module + "internal/pods",
		module + "internal/transform", module + "journal", module + "parser", "github.com/hashicorp/golang-lru/v2", "github.com/klauspost/compress", "github.com/pierrec/lz4/v4", "github.com/ulikunitz/xz", "golang.org/x/sys"},
	"internal/sink":      {module + "internal/event", module + "internal/limit", "github.com/json-iterator/go", "github.com/modern-go"},
	"internal/transform": {module + "internal/event", module + "internal/journalfields", module + "internal/options", module + "internal/pods", module + "parser", "github.com/hashicorp/golang-lru/v2", "golang.org/x/sys"},
	"plugin/filter": {module + "internal/event", module + "internal/fluentbit", module + "internal/journalfields", module + "internal/limit", module + "internal/options",
		module + "internal/pods", module + "internal/transform", module + "parser", "github.com/hashicorp/golang-lru/v2", "golang.org/x/sys"},
}

// usesC are the packages that may import cgo.
var usesC = map[string]bool{"plugin/filter": true}

// usesHashes are the packages that may import crypto: the libraries for compression have checksums.
var usesHashes = map[string]bool{"journal": true, "internal/collect": true}

func TestImports(t *testing.T) {
	for name, allowed := range imports {
		for _, arch := range []string{"amd64", "arm64", "riscv64"} {
			standard, others := dependencies(t, name, arch)
			for _, p := range standard {
				if p == "net" || strings.HasPrefix(p, "net/") || strings.HasPrefix(p, "crypto/") && !usesHashes[name] || p == "os/exec" || p == "runtime/cgo" && !usesC[name] {
					t.Errorf("%s: %s imports %s", arch, name, p)
				}
			}
			for _, p := range others {
				if !isAllowed(p, append(allowed, module+name)) {
					t.Errorf("%s: %s imports %s", arch, name, p)
				}
			}
			if len(others) == 0 || others[len(others)-1] != module+name {
				t.Errorf("%s: %s is not in its own list: %q", arch, name, others)
			}
		}
	}
}

// TestLibrariesAlone checks that the libraries have nothing of kata-logs, which brings packages for
// flags, formats and compression.
func TestLibrariesAlone(t *testing.T) {
	for _, name := range []string{"plugin/filter", "plugin/input", "plugin/output", "internal/transform"} {
		forbidden := []string{module + "internal/logs", "github.com/spf13", "github.com/BurntSushi", "github.com/go-logfmt", "go.yaml.in"}
		if name == "plugin/filter" || name == "internal/transform" { // the others compress requests, or read compressed fields
			forbidden = append(forbidden, "github.com/klauspost")
		}
		_, others := dependencies(t, name, "amd64")
		for _, p := range others {
			if isAllowed(p, forbidden) {
				t.Errorf("%s imports %s", name, p)
			}
		}
	}
}

// dependencies returns the packages that a package of this module imports, directly or not,
// and at the end of others itself.
func dependencies(t *testing.T, name, arch string) (standard, others []string) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{.Standard}} {{.ImportPath}} {{.Dir}}", module+name)
	cmd.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	for line := range strings.Lines(string(out)) {
		columns := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if columns[0] == "true" {
			standard = append(standard, columns[1])
			continue
		}
		others = append(others, columns[1])
		// So that go test does not take the result from its cache when a file has changed.
		if _, err := os.ReadDir(columns[2]); err != nil {
			t.Fatal(err)
		}
	}
	return standard, others
}

// isAllowed reports whether a package, or one that it is below, is in the list.
func isAllowed(p string, allowed []string) bool {
	for ; p != "."; p = path.Dir(p) {
		for _, a := range allowed {
			if p == a {
				return true
			}
		}
	}
	return false
}
