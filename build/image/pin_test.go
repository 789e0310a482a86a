package image

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestPin runs build/image/pin on a copy of the Dockerfile, with a program in the place of skopeo
// that prints a manifest for every name, and then for none.
func TestPin(t *testing.T) {
	top := t.TempDir()
	if err := os.MkdirAll(filepath.Join(top, "build", "image"), 0o755); err != nil {
		t.Fatal(err)
	}
	copied := func(from, to string, mode os.FileMode) []byte {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, to), text, mode); err != nil {
			t.Fatal(err)
		}
		return text
	}
	copied("pin", "build/image/pin", 0o755)
	before := copied("../../Dockerfile", "Dockerfile", 0o644)
	skopeo := filepath.Join(top, "skopeo")
	run := func(script string) ([]byte, error) {
		if err := os.WriteFile(skopeo, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(top, "build", "image", "pin"))
		cmd.Env = append(os.Environ(), "SKOPEO="+skopeo)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%s", out)
		}
		text, readErr := os.ReadFile(filepath.Join(top, "Dockerfile"))
		if readErr != nil {
			t.Fatal(readErr)
		}
		return text, err
	}

	if after, err := run("exit 1"); err == nil || string(after) != string(before) {
		t.Errorf("without a registry: %v, and the Dockerfile is\n%s", err, after)
	}
	names := regexp.MustCompile(`(?m)^(ARG \w+_IMAGE=)([^@\n]+)(@.*)?$`)
	for _, manifest := range []string{"first", "second"} {
		want := names.ReplaceAllStringFunc(string(before), func(line string) string {
			m := names.FindStringSubmatch(line)
			return fmt.Sprintf("%s%s@sha256:%x", m[1], m[2], sha256.Sum256([]byte(manifest+" inspect --raw docker://"+m[2]+"\n")))
		})
		if want == string(before) {
			t.Fatal("the Dockerfile names no base images")
		}
		if after, err := run(`echo ` + manifest + ` "$@"`); err != nil || string(after) != want {
			t.Errorf("%v, and the Dockerfile is\n%s", err, after)
		}
	}
}
