package servers

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestArchives(t *testing.T) {
	all, err := Archives()
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, a := range all {
		if !strings.HasSuffix(a.coordinates, ":"+a.Name+":"+a.Version+":zip") || !regexp.MustCompile("^[0-9a-f]{64}$").MatchString(a.sum) {
			t.Errorf("%+v", a)
		}
	}
}

// An archive with another sum is not used.
func TestSum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := Archive{sum: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
	if err := a.check(path); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("abd"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.check(path); err == nil {
		t.Error("no error for another sum")
	}
}
