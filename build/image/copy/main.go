// Copy is the program of the plugin image: it copies the libraries, which are beside it, into
// a directory, such as a volume that an init container shares with Fluent Bit.
//
//	copy DIR
//
// A library is written under another name first and then renamed, so that a Fluent Bit that
// has loaded an older one keeps it whole.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "copy:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: copy DIR")
	}
	program, err := os.Executable()
	if err != nil { // without /proc
		program = os.Args[0]
	}
	return copyLibraries(filepath.Dir(program), args[0], os.Stdout)
}

// copyLibraries copies the files *.so of one directory to another one, which must exist, and
// names each on w.
func copyLibraries(from, to string, w io.Writer) error {
	if info, err := os.Stat(to); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", to)
	}
	libraries, err := filepath.Glob(filepath.Join(from, "*.so"))
	if err != nil {
		return err
	}
	if len(libraries) == 0 {
		return fmt.Errorf("%s has no libraries", from)
	}
	for _, library := range libraries {
		target := filepath.Join(to, filepath.Base(library))
		if err := replace(library, target); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, target); err != nil {
			return err
		}
	}
	return nil
}

// replace makes target a copy of a file that everybody may read.
func replace(file, target string) (err error) {
	source, err := os.Open(file)
	if err != nil {
		return err
	}
	defer source.Close()
	made, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = made.Close()
			_ = os.Remove(made.Name())
		}
	}()
	if _, err = io.Copy(made, source); err != nil {
		return err
	}
	if err = made.Chmod(0o755); err != nil {
		return err
	}
	if err = made.Close(); err != nil {
		return err
	}
	return os.Rename(made.Name(), target)
}
