package pods

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// The folders in a root by which it is known, with what is above and below the folder of a sandbox.
const (
	containerdTasks = "io.containerd.runtime.v2.task"
	crioContainers  = "overlay-containers"
)

const (
	maxConfig = 1 << 20 // bytes of a config.json
	maxLinks  = 1 << 17 // names that are read of a folder of links
	linkBatch = 512     // of them at a time
)

// files reads the roots. It is for one goroutine at a time.
type files struct {
	roots    []*root
	warnings *warnings
	hold     func() // of tests: called before anything is read
}

// finding is what files say of an id.
type finding struct {
	pod       *Pod
	container string // its name, of a container's id
	failed    bool   // there is no pod, and a file could not be used
}

func newFiles(roots []string, w *warnings) files {
	f := files{warnings: w}
	for _, path := range roots {
		f.roots = append(f.roots, &root{path: path})
	}
	return f
}

func (f *files) close() {
	for _, r := range f.roots {
		r.close()
	}
}

// sandbox reads the config.json of a sandbox.
func (f *files) sandbox(id string) (found finding) {
	if f.hold != nil {
		f.hold()
	}
	there := false
	for _, r := range f.roots {
		dir, err := r.open()
		if err == nil {
			there = true
			var pod *Pod
			if pod, err = readSandbox(dir, id); err == nil && pod != nil {
				return finding{pod: pod}
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			found.failed = true
			f.warn(r, err)
		}
	}
	if !there {
		f.warnings.add(noRoots)
	}
	return found
}

// readSandbox returns the pod of a sandbox, or nil if the folder has no such sandbox or it names
// no pod.
func readSandbox(dir *os.Root, id string) (*Pod, error) {
	config, err := readConfig(dir, containerdTasks, "k8s.io", id, "config.json")
	if config != nil {
		return ignoreNoPod(containerdPod(config, id))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	config, err = readConfig(dir, crioContainers, id, "userdata", "config.json")
	if err != nil {
		return nil, err
	}
	return ignoreNoPod(crioPod(config))
}

func ignoreNoPod(p *Pod, err error) (*Pod, error) {
	if errors.Is(err, errNoPod) {
		return nil, nil
	}
	return p, err
}

var (
	errNotFile   = errors.New("a config.json is not a regular file, or a folder on the way to it is a link")
	errTooLarge  = errors.New("a config.json is larger than 1 MiB")
	errFileMoved = errors.New("a config.json was replaced while it was opened")
)

// readConfig reads a regular file, following no links. Who can replace files below a root is
// trusted, but a folder in it may be one that a container can write to.
func readConfig(dir *os.Root, parts ...string) ([]byte, error) {
	name := ""
	var info fs.FileInfo
	for i, part := range parts {
		var err error
		name = path.Join(name, part)
		if info, err = dir.Lstat(name); err != nil {
			return nil, err
		}
		if last := i == len(parts)-1; last && !info.Mode().IsRegular() || !last && !info.IsDir() {
			return nil, errNotFile
		}
	}
	if info.Size() > maxConfig {
		return nil, errTooLarge
	}
	file, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would block
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if opened, err := file.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, errors.Join(errFileMoved, err)
	}
	config, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err == nil && len(config) > maxConfig {
		err = errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return config, nil
}

// containers looks for links to the logs of containers.
func (f *files) containers(ids []string, found []finding) {
	if f.hold != nil {
		f.hold()
	}
	wanted := make(map[string]*finding, len(ids))
	for i, id := range ids {
		wanted[id] = &found[i]
	}
	for _, r := range f.roots {
		dir, err := r.open()
		if err == nil {
			err = readLinks(dir, wanted)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.warn(r, err)
			for _, one := range wanted {
				one.failed = true
			}
		}
	}
	for _, one := range wanted {
		one.failed = one.failed && one.pod == nil
	}
}

var errTooManyLinks = errors.New("it has more links than are read")

// readLinks sets what the folder's links say of the wanted ids.
func readLinks(dir *os.Root, wanted map[string]*finding) error {
	for _, name := range []string{containerdTasks, crioContainers} {
		if _, err := dir.Lstat(name); err == nil {
			return nil // another kind of root
		}
	}
	list, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer list.Close()
	for n := 0; n < maxLinks; n += linkBatch {
		names, err := list.Readdirnames(linkBatch)
		for _, name := range names {
			l, ok := parseLink(name)
			if one := wanted[l.id]; ok && one != nil && one.pod == nil {
				target, _ := dir.Readlink(name)
				one.pod = &Pod{Name: l.pod, Namespace: l.namespace, UID: l.uid(target)}
				one.container = l.container
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errTooManyLinks
}

// warn adds the warning for an error of a root.
func (f *files) warn(r *root, err error) {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err // without the path, which has an id
	}
	advice := ""
	if errors.Is(err, fs.ErrPermission) {
		advice = "; run Fluent Bit as root, or grant it CAP_DAC_READ_SEARCH"
	}
	f.warnings.add(fmt.Sprintf("cannot read below %s: %s%s", r.path, strings.ReplaceAll(err.Error(), "\n", ", "), advice))
}

// root is a folder that is held open, so that names are looked up below it and nowhere else.
type root struct {
	path string
	dir  *os.Root
	info fs.FileInfo // of dir
}

// open returns the folder, anew if it appeared, or was replaced by another.
func (r *root) open() (*os.Root, error) {
	info, err := os.Stat(r.path)
	if err == nil && r.dir != nil && os.SameFile(info, r.info) {
		return r.dir, nil
	}
	r.close()
	if err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(r.path)
	if err != nil {
		return nil, err
	}
	if r.info, err = dir.Stat("."); err != nil {
		_ = dir.Close()
		return nil, err
	}
	r.dir = dir
	return dir, nil
}

func (r *root) close() {
	if r.dir != nil {
		_ = r.dir.Close()
		r.dir = nil
	}
}
