package host

import (
	"debug/elf"
	"slices"
	"testing"
)

// openELF opens a library.
func openELF(t *testing.T, path string) *elf.File {
	t.Helper()
	if err := dependOnSources(); err != nil {
		t.Fatal(err)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// exported returns the names of the symbols that other libraries can see.
func exported(t *testing.T, file *elf.File) (names []string) {
	t.Helper()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// A library exports what Fluent Bit looks up, and nothing else.
func TestExports(t *testing.T) {
	for mode, want := range map[string][]string{
		"filter": {"filter_kata_plugin"},
		"output": {"FLBPluginExit", "FLBPluginExitCtx", "FLBPluginFlushCtx", "FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister"},
		"input": {"FLBPluginExit", "FLBPluginInit", "FLBPluginInputCallback", "FLBPluginInputCleanupCallback", "FLBPluginInputPause",
			"FLBPluginInputResume", "FLBPluginRegister", "FLBPluginUnregister"},
	} {
		if got := exported(t, openELF(t, release[mode])); !slices.Equal(got, want) {
			t.Errorf("the %s exports %v, want %v", mode, got, want)
		}
	}
}

// A library needs no other library than libc: an image has what Fluent Bit itself needs, and
// may have no more.
func TestNeeded(t *testing.T) {
	for mode, path := range release {
		needed, err := openELF(t, path).ImportedLibraries()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(needed, []string{"libc.so.6"}) {
			t.Errorf("the %s needs %v", mode, needed)
		}
	}
}

// No segment is writable and executable, relocated data becomes read-only, and C functions
// with arrays have a stack protector.
func TestHardening(t *testing.T) {
	for mode, path := range release {
		t.Run(mode, func(t *testing.T) { hardened(t, openELF(t, path)) })
	}
}

// hardened checks one library.
func hardened(t *testing.T, file *elf.File) {
	var relro, stack *elf.Prog
	for _, p := range file.Progs {
		if p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
			t.Errorf("%v is writable and executable", p.Type)
		}
		switch p.Type {
		case elf.PT_GNU_RELRO:
			relro = p
		case elf.PT_GNU_STACK:
			stack = p
		}
	}
	if stack == nil {
		t.Error("the library has no PT_GNU_STACK, so that the stack becomes executable")
	}

	flags, err := file.DynValue(elf.DT_FLAGS)
	if err != nil {
		t.Fatal(err)
	}
	if len(flags) != 1 || elf.DynFlag(flags[0])&elf.DF_BIND_NOW == 0 {
		t.Errorf("DT_FLAGS is %#x: functions are not bound when the library is loaded", flags)
	}
	if relro == nil {
		t.Fatal("no part of the library becomes read-only")
	}
	for _, name := range []string{".got", ".data.rel.ro", ".dynamic", ".init_array"} {
		s := file.Section(name)
		if s == nil || s.Addr < relro.Vaddr || s.Addr+s.Size > relro.Vaddr+relro.Memsz {
			t.Errorf("%s is not in the part that becomes read-only", name)
		}
	}
	if s := file.Section(".got.plt"); s != nil && s.Addr+s.Size > relro.Vaddr+relro.Memsz {
		t.Error(".got.plt stays writable")
	}
	if textrel, err := file.DynValue(elf.DT_TEXTREL); err != nil || len(textrel) > 0 {
		t.Errorf("the loader writes to code: DT_TEXTREL %v, %v", textrel, err)
	}

	imported, err := file.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(imported, func(s elf.ImportedSymbol) bool { return s.Name == "__stack_chk_fail" }) {
		t.Error("the C code has no stack protector")
	}
}
