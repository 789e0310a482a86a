//go:build dist

// Package dist tests what build/dist/make has made in dist/release: what is in each file, that the
// libraries need no newer glibc than 2.17, that a stand-in for Fluent Bit loads them, under
// qemu-user where they are for another processor, and that the packages can be installed, used
// and removed.
//
//	build/dist/make amd64 && go test -tags dist -count=1 ./build/dist
package dist

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const (
	root    = "../.."
	release = root + "/dist/release"
)

// processor is one that libraries are built for.
type processor struct {
	machine elf.Machine
	order   string // elf.Data
	zig     string // zig's name of it
	qemu    string // the program that runs its programs elsewhere
	libc    string // where Debian's cross package has its glibc
	rpm     string
}

var processors = map[string]processor{
	"amd64":   {elf.EM_X86_64, "ELFDATA2LSB", "x86_64", "qemu-x86_64", "/", "x86_64"},
	"arm64":   {elf.EM_AARCH64, "ELFDATA2LSB", "aarch64", "qemu-aarch64", "/usr/aarch64-linux-gnu", "aarch64"},
	"s390x":   {elf.EM_S390, "ELFDATA2MSB", "s390x", "qemu-s390x", "/usr/s390x-linux-gnu", "s390x"},
	"ppc64le": {elf.EM_PPC64, "ELFDATA2LSB", "powerpc64le", "qemu-ppc64le", "/usr/powerpc64le-linux-gnu", "ppc64le"},
}

// libraries are the names in build/libraries, each with the package in plugin that it is built from.
var libraries = func() map[string]string {
	text, err := os.ReadFile(root + "/build/libraries")
	if err != nil {
		panic(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 2 && !strings.HasPrefix(line, "#") {
			list[words[1]] = words[0]
		}
	}
	return list
}()

// exports is what Fluent Bit looks up in a library, by its package.
var exports = map[string][]string{
	"filter": {"filter_kata_plugin"},
	"input":  {"FLBPluginExit", "FLBPluginInit", "FLBPluginInputCallback", "FLBPluginInputCleanupCallback", "FLBPluginInputPause", "FLBPluginInputResume", "FLBPluginRegister", "FLBPluginUnregister"},
	"output": {"FLBPluginExit", "FLBPluginExitCtx", "FLBPluginFlushCtx", "FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister"},
}

// version is that of the release.
func version(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(root + "/VERSION")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// made returns the processors that a release was made for.
func made(t *testing.T) (list []string) {
	t.Helper()
	for arch := range processors {
		if _, err := os.Stat(fmt.Sprintf("%s/fluent-bit-kata_%s_linux_%s.tar.gz", release, version(t), arch)); err == nil {
			list = append(list, arch)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s has nothing of version %s: build/dist/make makes it", release, version(t))
	}
	slices.Sort(list)
	return list
}

// unpack unpacks a tarball of a release and returns its one directory. Who packed it must not
// be seen.
func unpack(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(filepath.Join(release, name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(dir, name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Mode&0o022 != 0 || !filepath.IsLocal(h.Name) {
			t.Errorf("%s: %s has owner %d %q and mode %o", name, h.Name, h.Uid, h.Uname, h.Mode)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, h.FileInfo().Mode().Perm())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(to, r); err != nil {
			t.Fatal(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// base is the name of a release's files for a processor.
func base(t *testing.T, arch string) string {
	t.Helper()
	return "fluent-bit-kata_" + version(t) + "_linux_" + arch
}

// TestLibraries: the libraries are for their processor, need libc alone and of it no newer
// version than 2.17, export what Fluent Bit looks up, and name their debug data.
func TestLibraries(t *testing.T) {
	for _, arch := range made(t) {
		dir, debug := unpack(t, base(t, arch)), unpack(t, base(t, arch)+"_debug")
		for name, of := range libraries {
			file, err := elf.Open(filepath.Join(dir, "lib", name))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			if want := processors[arch]; file.Machine != want.machine || file.Data.String() != want.order {
				t.Errorf("%s: %s is for %v, %v", arch, name, file.Machine, file.Data)
			}
			imported, err := file.ImportedSymbols()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range imported {
				if s.Version == "" { // no version of glibc up to the one that it was built for has it
					t.Errorf("%s: %s needs %s of nothing", arch, name, s.Name)
				}
				if newer(s.Version) {
					t.Errorf("%s: %s needs %s@%s", arch, name, s.Name, s.Version)
				}
			}
			needed, err := file.ImportedLibraries()
			if err != nil {
				t.Fatal(err)
			}
			for _, library := range needed {
				// Parts of libc, which are files of their own before 2.34.
				if !regexp.MustCompile(`^(lib(c|pthread|dl)\.so\.\d|ld.*\.so\.\d)$`).MatchString(library) {
					t.Errorf("%s: %s needs %s", arch, name, library)
				}
			}
			symbols, err := file.DynamicSymbols()
			if err != nil {
				t.Fatal(err)
			}
			var exported []string
			for _, s := range symbols {
				if s.Section != elf.SHN_UNDEF {
					exported = append(exported, s.Name)
				}
			}
			slices.Sort(exported)
			if !slices.Equal(exported, exports[of]) {
				t.Errorf("%s: %s exports %v", arch, name, exported)
			}
			if file.Section(".symtab") != nil || file.Section(".debug_info") != nil {
				t.Errorf("%s: %s has symbols or debug data", arch, name)
			}
			link := file.Section(".gnu_debuglink")
			if link == nil {
				t.Fatalf("%s: %s does not name its debug data", arch, name)
			}
			data, err := link.Data()
			if err != nil || !strings.HasPrefix(string(data), name+".debug\x00") {
				t.Errorf("%s: %s has the debug link %q, %v", arch, name, data, err)
			}
			symbolic, err := elf.Open(filepath.Join(debug, name+".debug"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := symbolic.DWARF(); err != nil {
				t.Errorf("%s: %s.debug: %v", arch, name, err)
			}
			_ = symbolic.Close()
		}
	}
}

// newer reports whether a version of a symbol is one of a glibc after 2.17. Versions before the
// first one of a processor do not exist.
func newer(version string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "GLIBC_%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > 2 || major == 2 && minor > 17
}

// TestLicences compares the licence texts with the modules that the libraries say they are
// built from, and the bill of materials with both.
func TestLicences(t *testing.T) {
	var bom struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct{ Name, Version string }
		Metadata   struct{ Component struct{ Version string } }
	}
	text, err := os.ReadFile(fmt.Sprintf("%s/fluent-bit-kata_%s.cdx.json", release, version(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &bom); err != nil || bom.BOMFormat != "CycloneDX" || bom.Metadata.Component.Version != version(t) {
		t.Errorf("the bill of materials is of %q %q: %v", bom.BOMFormat, bom.Metadata.Component.Version, err)
	}
	listed := map[string]bool{}
	for _, c := range bom.Components {
		listed[c.Name+" "+c.Version] = true
	}
	for _, arch := range made(t) {
		dir := unpack(t, base(t, arch))
		want := map[string]bool{"go": true, "zig": true, "zig/glibc": true}
		programs := []string{"bin/kata-logs"}
		for name := range libraries {
			programs = append(programs, "lib/"+name)
		}
		for _, name := range programs {
			info, err := buildinfo.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, module := range info.Deps {
				want[module.Path] = true
				if !listed[module.Path+" "+module.Version] {
					t.Errorf("the bill of materials has no %s %s", module.Path, module.Version)
				}
			}
		}
		if len(want) < 5 {
			t.Errorf("%s: the libraries are built from %v", arch, want)
		}
		for path := range want {
			found, err := filepath.Glob(filepath.Join(dir, "licenses", path, "*"))
			if err != nil || len(found) == 0 {
				t.Errorf("%s: there is no licence text of %s", arch, path)
			}
		}
		err := filepath.WalkDir(filepath.Join(dir, "licenses"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			of, err := filepath.Rel(filepath.Join(dir, "licenses"), filepath.Dir(path))
			if info, infoErr := d.Info(); err == nil && (infoErr != nil || info.Size() < 100) {
				t.Errorf("%s: %s is empty: %v", arch, path, infoErr)
			}
			if err == nil && !want[of] {
				t.Errorf("%s: the licence of %s, which is not linked in", arch, of)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"README.md", "LICENSE", "CHANGELOG.md", "docs/operations.md", "examples/journal/fluent-bit.conf"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSums: SHA256SUMS has every file and its sum.
func TestSums(t *testing.T) {
	text, err := os.ReadFile(release + "/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("SHA256SUMS: %q", line)
		}
		sums[name] = sum
	}
	files, err := os.ReadDir(release)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(release, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); sums[f.Name()] != hex.EncodeToString(sum[:]) {
			t.Errorf("SHA256SUMS has %q for %s", sums[f.Name()], f.Name())
		}
		delete(sums, f.Name())
	}
	if len(sums) > 0 {
		t.Errorf("SHA256SUMS has sums of %v, which are not there", sums)
	}
}

// standIn builds the stand-in for Fluent Bit for a processor, and returns the command that runs
// it. Without the programs for that the test is skipped.
func standIn(t *testing.T, arch string) []string {
	t.Helper()
	p := processors[arch]
	sources, err := filepath.Glob(root + "/internal/host/src/*.c")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "host")
	args := append([]string{"-std=gnu11", "-O1", "-rdynamic", "-o", path}, sources...)
	args = append(args, "-ldl", "-lpthread", "-lm")
	if arch == runtime.GOARCH {
		command(t, "cc", args...)
		return []string{path}
	}
	qemu, err := exec.LookPath(p.qemu)
	if err != nil {
		t.Skipf("%s: %v (package qemu-user)", arch, err)
	}
	if _, err := os.Stat(p.libc + "/lib/libc.so.6"); err != nil {
		t.Skipf("%s: %v (package libc6-%s-cross)", arch, err, strings.ReplaceAll(arch, "ppc64le", "ppc64el"))
	}
	zig := strings.TrimSpace(command(t, root+"/build/tool", "zig"))
	command(t, zig, append([]string{"cc", "-target", p.zig + "-linux-gnu.2.34"}, args...)...)
	return []string{qemu, "-L", p.libc, path}
}

// command runs a program and returns what it prints.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return string(out)
}

// uses loads the libraries in a directory, as Fluent Bit does, and lets each parse the record of the
// how-to, or the input those of a journal.
func uses(t *testing.T, host []string, dir string) {
	t.Helper()
	for name, plugin := range libraries {
		of, want := []string{filepath.Join(dir, name), root + "/testdata/howto.msgpack"}, []string{`"kata_msg":"release sandbox"`, `"kata_pid":14314`}
		if plugin == "input" {
			of, want = []string{"-p", "path=" + root + "/testdata/journal", filepath.Join(dir, name)}, []string{`"kata_msg":"entry 2 of 3"`, `"SYSLOG_IDENTIFIER":"kata"`}
		}
		out := command(t, host[0], append(append(slices.Clone(host[1:]), "--log-level", "error"), of...)...)
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%s gives %s", name, out)
			}
		}
	}
}

// shows runs kata-logs, through an emulator if there is one.
func shows(t *testing.T, emulator []string, program string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "kata.log")
	line := `time="2020-02-21T10:31:27.810781647Z" level=info msg="release sandbox" name=kata-runtime pid=14314 source=virtcontainers` + "\n"
	if err := os.WriteFile(log, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(slices.Clone(emulator), program, "-o", "json", log)
	if out := command(t, args[0], args[1:]...); !strings.Contains(out, `"kata_msg":"release sandbox"`) || !strings.Contains(out, `"kata_pid":14314`) {
		t.Errorf("kata-logs gives %s", out)
	}
}

func TestLoads(t *testing.T) {
	for _, arch := range made(t) {
		t.Run(arch, func(t *testing.T) {
			host, dir := standIn(t, arch), unpack(t, base(t, arch))
			uses(t, host, filepath.Join(dir, "lib"))
			shows(t, host[:len(host)-1], filepath.Join(dir, "bin/kata-logs"))
		})
	}
}

// TestPackages installs each package below a directory, uses the libraries there and removes it.
// Nothing is left, and nothing ran.
func TestPackages(t *testing.T) {
	for _, arch := range made(t) {
		t.Run(arch+" deb", func(t *testing.T) {
			host := standIn(t, arch)
			file, err := filepath.Abs(onlyPackage(t, "*_"+strings.ReplaceAll(arch, "ppc64le", "ppc64el")+".deb"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := exec.LookPath("dpkg"); err != nil {
				t.Skip(err)
			}
			top := t.TempDir()
			for _, dir := range []string{"info", "updates", "triggers"} {
				if err := os.MkdirAll(filepath.Join(top, "var/lib/dpkg", dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			// Dependencies are met if glibc is there.
			status := "Package: libc6\nStatus: install ok installed\nVersion: 2.17-1\nArchitecture: amd64\nMulti-Arch: same\nMaintainer: none\nDescription: none\n"
			if err := os.WriteFile(filepath.Join(top, "var/lib/dpkg/status"), []byte(strings.Replace(status, "amd64", strings.ReplaceAll(arch, "ppc64le", "ppc64el"), 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if scripts := command(t, "dpkg-deb", "--info", file); regexp.MustCompile(`(preinst|postinst|prerm|postrm|conffiles)`).MatchString(scripts) {
				t.Errorf("the package has scripts or configuration files:\n%s", scripts)
			}
			dpkg := []string{"--root=" + top, "--force-not-root", "--force-architecture", "--log=/dev/null"}
			command(t, "dpkg", append(dpkg, "--install", file)...)
			installed(t, top, host)
			command(t, "dpkg", append(dpkg, "--purge", "fluent-bit-kata")...)
			removed(t, top, "var/lib/dpkg")
		})
		t.Run(arch+" rpm", func(t *testing.T) {
			host := standIn(t, arch)
			file, err := filepath.Abs(onlyPackage(t, "*."+processors[arch].rpm+".rpm"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := exec.LookPath("rpm"); err != nil {
				t.Skip(err)
			}
			top := t.TempDir()
			if scripts := command(t, "rpm", "-qp", "--scripts", "--triggers", file); scripts != "" {
				t.Errorf("the package has scripts:\n%s", scripts)
			}
			if files := command(t, "rpm", "-qp", "--configfiles", file); files != "" {
				t.Errorf("the package has configuration files:\n%s", files)
			}
			// Of a root of its own there is no glibc to depend on.
			if needs := command(t, "rpm", "-qp", "--requires", file); !strings.Contains(needs, "glibc >= 2.17\n") {
				t.Errorf("the package needs\n%s", needs)
			}
			command(t, "rpm", "--root", top, "--initdb")
			command(t, "rpm", "--root", top, "--ignorearch", "--nodeps", "--nosignature", "-i", file)
			installed(t, top, host)
			command(t, "rpm", "--root", top, "-e", "fluent-bit-kata")
			removed(t, top, "var/lib/rpm", "usr/lib/sysimage/rpm", "root/.rpmdb")
		})
	}
}

// onlyPackage returns the one file of a release that a pattern matches.
func onlyPackage(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(release, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s matches %q, %v", pattern, found, err)
	}
	return found[0]
}

// installed checks a package that is installed below top.
func installed(t *testing.T, top string, host []string) {
	t.Helper()
	uses(t, host, filepath.Join(top, "usr/lib/fluent-bit"))
	shows(t, host[:len(host)-1], filepath.Join(top, "usr/bin/kata-logs"))
	if _, err := os.Stat(filepath.Join(top, "usr/share/man/man1/kata-logs.1")); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"LICENSE", "README.md", "docs/operations.md", "examples/journal/fluent-bit.conf", "licenses/go/LICENSE"} {
		info, err := os.Stat(filepath.Join(top, "usr/share/doc/fluent-bit-kata", name))
		if err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := os.Stat(filepath.Join(top, "etc")); err == nil {
		t.Error("the package has files in /etc")
	}
}

// removed checks that nothing is left below top but the package manager's own.
func removed(t *testing.T, top string, own ...string) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		if d.IsDir() && slices.Contains(own, name) {
			return fs.SkipDir
		}
		if !d.IsDir() {
			t.Errorf("%s is left", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
