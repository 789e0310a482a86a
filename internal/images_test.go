package internal_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestImageVariables compares the variables of the image in its configuration, in the Dockerfile
// with their defaults, and in the table of docs/images.md.
func TestImageVariables(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(read("../build/image/fluent-bit.conf"), -1) {
		used[m[1]] = true
	}
	defaults := map[string]string{"KATA_OUTPUT_USER": "not set", "KATA_OUTPUT_PASSWORD": "not set"}
	for _, m := range regexp.MustCompile(`(?m)^(?:ENV|   ) (KATA_\w+)=(\S*)`).FindAllStringSubmatch(read("../Dockerfile"), -1) {
		defaults[m[1]] = m[2]
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(KATA_\\w+)` \\| (?:`([^`]*)` )?(not set )?\\| ").FindAllStringSubmatch(read("../docs/images.md"), -1) {
		documented[m[1]] = m[2]
		if m[3] != "" {
			documented[m[1]] = "not set"
		}
	}
	if !maps.Equal(defaults, documented) {
		t.Errorf("docs/images.md has %q, want %q", documented, defaults)
	}
	if got, want := slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Keys(defaults)); !slices.Equal(got, want) {
		t.Errorf("the configuration uses %q, the Dockerfile sets %q", got, want)
	}
}
