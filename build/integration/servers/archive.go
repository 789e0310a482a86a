// Package servers runs Elasticsearch and OpenSearch on loopback, for tests.
package servers

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed archives.txt
var archives string

// Archive is a distribution of a server.
type Archive struct {
	Name, Version string // such as opensearch and 2.19.6
	coordinates   string // Maven's
	sum           string // SHA-256, in hexadecimal
}

// Archives returns the distributions of archives.txt.
func Archives() (all []Archive, err error) {
	for line := range strings.Lines(archives) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("archives.txt: %d words: %s", len(words), line)
		}
		coordinates := strings.Split(words[1], ":")
		if len(coordinates) != 4 {
			return nil, fmt.Errorf("archives.txt: %s", words[1])
		}
		all = append(all, Archive{words[0], coordinates[2], words[1], words[2]})
	}
	return all, nil
}

// fetch returns the path of the archive in the cache, a directory of the user's. Maven
// downloads it, by whatever it is configured to use, unless it is there with the right sum.
func (a Archive) fetch(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "fluent-bit-kata")
	path := filepath.Join(dir, a.Name+"-"+a.Version+".zip")
	if a.check(path) == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mvn", "-B", "-q", "dependency:copy", "-Dartifact="+a.coordinates, "-DoutputDirectory="+dir,
		"-Dmdep.overWriteReleases=true")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	if err := a.check(path); err != nil {
		_ = os.Remove(path)
		return "", err
	}
	return path, nil
}

// check compares the sum of a file with the archive's.
func (a Archive) check(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != a.sum {
		return fmt.Errorf("%s: SHA-256 %s, want %s", path, got, a.sum)
	}
	return nil
}

// unpack unpacks the archive into dir and returns the directory of the server in it.
func (a Archive) unpack(ctx context.Context, dir string) (string, error) {
	path, err := a.fetch(ctx)
	if err != nil {
		return "", err
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = z.Close() }()
	for _, f := range z.File {
		if !filepath.IsLocal(f.Name) {
			return "", fmt.Errorf("%s: %s is outside", path, f.Name)
		}
		if err := unpackFile(f, filepath.Join(dir, f.Name)); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, a.Name+"-"+a.Version), nil
}

func unpackFile(f *zip.File, to string) error {
	if f.FileInfo().IsDir() {
		return os.MkdirAll(to, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
