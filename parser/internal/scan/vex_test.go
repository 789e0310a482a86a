package scan_test

import (
	"debug/elf"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A legacy SSE instruction that writes an X register keeps the upper half of the Y
// register. While upper halves are in use, a processor pays for that: some wait for
// whatever wrote the register before, some save the upper halves of all registers. A
// VEX form clears the upper half and costs nothing. So the assembly of this module
// has VEX forms only, and VZEROUPPER before it returns to what the Go compiler made,
// which is legacy SSE.

// readsOnly are the legacy instructions whose last register operand is not written.
// All others write it, as all do that the test does not know.
var readsOnly = map[string]bool{
	"COMISD": true, "COMISS": true, "UCOMISD": true, "UCOMISS": true, "PTEST": true, // the flags
	"PCMPESTRI": true, "PCMPISTRI": true, // CX and the flags
	"MASKMOVDQU": true, "MASKMOVOU": true, // memory
}

// TestAssembly checks the amd64 assembly of the module, whatever it runs on.
func TestAssembly(t *testing.T) {
	for _, dir := range assembly(t) {
		for _, file := range dir.files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, findings := checkSource(string(text))
			for _, f := range findings {
				t.Errorf("%s:%s", file, f)
			}
		}
	}
}

func TestCheckSource(t *testing.T) {
	const (
		head   = "TEXT ·f(SB), NOSPLIT, $0-0\n"
		legacy = "no VEX form"
		upper  = "no VZEROUPPER"
	)
	for _, c := range []struct {
		source string
		want   []string
	}{
		{head + "VMOVD AX, X0\nVMOVQ AX, X1\nVPXOR X2, X2, X2\nRET", nil},
		{head + "MOVD AX, X0\nMOVQ AX, X1\nMOVL AX, X15\nRET", []string{"2: MOVD AX, X0: " + legacy, "3: MOVQ AX, X1: " + legacy, "4: MOVL AX, X15: " + legacy}},
		{head + "MOVUPS (AX), X0\nMOVUPS X0, (DI)\nRET", []string{"2: MOVUPS (AX), X0: " + legacy}},
		{head + "PINSRQ $1, AX, X0\nPEXTRQ $1, X0, AX\nPMOVMSKB X0, AX\nRET", []string{"2: PINSRQ $1, AX, X0: " + legacy}},
		{head + "CMPPS X1, X2, $3\nAESENC X1, X2\nUCOMISD X1, X2\nRET", []string{"2: CMPPS X1, X2, $3: " + legacy, "3: AESENC X1, X2: " + legacy}},
		{head + "a: b: PXOR X0, X0; PXOR X1, X1\nRET", []string{"2: PXOR X0, X0: " + legacy, "2: PXOR X1, X1: " + legacy}},
		{head + "// MOVD AX, X0\n/* MOVD AX, X0\n*/ CMPB (AX), $'\"'; CMPB BX, $';' // it's \"\nMOVD AX, X1\nRET", []string{"5: MOVD AX, X1: " + legacy}},
		{"#define TMP X5\n" + head + "MOVD AX, TMP\nRET", []string{"3: MOVD AX, X5: " + legacy}},
		{
			"#define STORE(from, at) \\\n\tMOVQ from, at\n#define TWICE(x) \\\n\tSTORE(x, X1) \\\n\tSTORE(x, (DI)(AX*1))\n" + head + "TWICE(AX)\nTWICE((AX)(BX*8))\nRET",
			[]string{"7: MOVQ AX, X1: " + legacy, "8: MOVQ (AX)(BX*8), X1: " + legacy},
		},
		{"#define UNUSED MOVD AX, X0\n#undef UNUSED\n" + head + "RET", nil},
		{"#include \"other.h\"\n#include \"textflag.h\"\n" + head + "RET", []string{"1: other.h: is not read"}},
		{head + "BYTE $0x66; RET", []string{"2: BYTE $0x66: is not read"}},

		{head + "VPXOR Y0, Y0, Y0\nVZEROUPPER\nRET", nil},
		{head + "VPXOR X0, X0, X0\nRET", nil},
		{head + "VPXOR Y0, Y0, Y0\nRET\n" + strings.Replace(head, "f", "g", 1) + "RET", []string{"3: RET: " + upper}},
		{head + "JZ one\nVZEROUPPER\nRET\none: VPXORD Z17, Z17, Z17\nVZEROUPPER\ntwo:\nRET", []string{"8: RET: " + upper}},
		{head + "JZ one\nRET\none: VMOVDQU Y0, (AX)\nVZEROUPPER\nMOVQ AX, BX\nRET", []string{"3: RET: " + upper, "7: RET: " + upper}},
		{"#define DONE VZEROUPPER; RET\n" + head + "VMOVDQU (AX), Y0\nDONE", nil},
		{head + "VMOVDQU (AX), Y0\nloop: JMP loop\nJCS 2(PC)\nCALL ·g(SB)\nVZEROUPPER\nJMP ·h(SB)\nJMP AX", []string{"5: CALL ·g(SB): " + upper, "8: JMP AX: " + upper}},
		{head + "VPGATHERDD X0, (AX)(Y1*4), X2\nRET", []string{"3: RET: " + upper}},
	} {
		functions, findings := checkSource(c.source)
		if !slices.Equal(findings, c.want) {
			t.Errorf("%s\n%q, want %q", c.source, findings, c.want)
		}
		if len(functions) == 0 || functions[0] != "f" {
			t.Errorf("%s\nfunctions %q", c.source, functions)
		}
	}
}

// TestDisassembly checks what the Go assembler made of the module's assembly.
func TestDisassembly(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command: ", err)
	}
	if out, err := exec.Command("objdump", "--version").Output(); err != nil || !strings.HasPrefix(string(out), "GNU objdump") {
		t.Skip("GNU objdump is not there: ", err)
	}
	if out, err := exec.Command("objdump", "--info").Output(); err != nil || !strings.Contains(string(out), "elf64-x86-64") {
		t.Skip("this objdump does not know amd64: ", err)
	}
	for _, dir := range assembly(t) {
		program := filepath.Join(t.TempDir(), "test")
		cmd := exec.Command("go", "test", "-c", "-tags=", "-o", program, ".")
		cmd.Dir = dir.path
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", dir.path, err, out)
		}
		cmd = exec.Command("go", "list", ".")
		cmd.Dir = dir.path
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		symbols := symbolsOf(t, program)
		for _, file := range dir.files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			functions, _ := checkSource(string(text))
			for _, name := range functions {
				name = strings.TrimSpace(string(out)) + "." + name
				s, ok := symbols[name+".abi0"]
				if !ok {
					t.Errorf("the test program of %s does not have %s", dir.path, name)
					continue
				}
				listing, err := exec.Command("objdump", "--disassemble", "--no-show-raw-insn",
					fmt.Sprintf("--start-address=%#x", s.Value), fmt.Sprintf("--stop-address=%#x", s.Value+s.Size), program).Output()
				if err != nil {
					t.Fatal(err)
				}
				instructions, findings := checkListing(string(listing))
				if instructions == 0 {
					t.Errorf("objdump shows nothing of %s", name)
				}
				for _, f := range findings {
					t.Errorf("%s: %s", name, f)
				}
			}
		}
	}
}

func TestCheckListing(t *testing.T) {
	const listing = `
x:     file format elf64-x86-64

Disassembly of section .text:

00000000005dfcc0 <parser.f.abi0>:
  5dfcc0:	mov    0x8(%rsp),%rsi
  5dfcc5:	movd   %eax,%xmm0
  5dfcc9:	vmovd  %eax,%xmm0
  5dfccd:	movups %xmm0,0x8(%rax,%rbx,1)
  5dfcd1:	movups 0x8(%rax,%rbx,1),%xmm11
  5dfcd5:	movq   %xmm0,%rax
  5dfcd9:	ucomisd %xmm0,%xmm1
  5dfcdd:	pshufd $0x0,%xmm0,%xmm1
  5dfce1:	jmp    5dfcd0 <parser.f.abi0+0x10>
  5dfce3:	FIRST
  5dfce7:	SECOND
  5dfce8:	ret
`
	legacy := []string{"movd %eax,%xmm0: no VEX form", "movups 0x8(%rax,%rbx,1),%xmm11: no VEX form", "pshufd $0x0,%xmm0,%xmm1: no VEX form"}
	for _, c := range []struct {
		first, second string
		more          []string
	}{
		{"vpxor  %xmm0,%xmm0,%xmm0", "nop", nil},
		{"vpxor  %ymm0,%ymm0,%ymm0", "vzeroupper", nil},
		{"vpxor  %ymm0,%ymm0,%ymm0", "nop", []string{"ret: no VZEROUPPER"}},
		{"vzeroupper", "vmovdqu64 %zmm17,(%rax){%k1}", []string{"ret: no VZEROUPPER"}},
	} {
		n, findings := checkListing(strings.NewReplacer("FIRST", c.first, "SECOND", c.second).Replace(listing))
		if want := slices.Concat(legacy, c.more); n != 12 || !slices.Equal(findings, want) {
			t.Errorf("%s, %s: %d instructions, %q, want %q", c.first, c.second, n, findings, want)
		}
	}
}

// directory is one with assembly for amd64.
type directory struct {
	path  string
	files []string
}

// assembly returns the directories of the module that have assembly for amd64.
func assembly(t *testing.T) (dirs []directory) {
	t.Helper()
	root := "."
	for !exists(filepath.Join(root, "go.mod")) {
		if root = filepath.Join(root, ".."); !exists(root) || strings.Count(root, "..") > 20 {
			t.Fatal("there is no go.mod")
		}
	}
	target := build.Default
	target.GOOS, target.GOARCH = "linux", "amd64"
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".." || name == "testdata" || exists(filepath.Join(path, "go.mod"))):
			return fs.SkipDir
		case filepath.Ext(name) == ".s":
			if ok, err := target.MatchFile(filepath.Dir(path), name); err != nil || !ok {
				return err
			}
			if n := len(dirs); n == 0 || dirs[n-1].path != filepath.Dir(path) {
				dirs = append(dirs, directory{path: filepath.Dir(path)})
			}
			last := &dirs[len(dirs)-1]
			last.files = append(last.files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Fatal("there is no assembly for amd64")
	}
	return dirs
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func symbolsOf(t *testing.T, program string) map[string]elf.Symbol {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	list, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	symbols := map[string]elf.Symbol{}
	for _, s := range list {
		symbols[s.Name] = s
	}
	return symbols
}

var (
	// What is not to be read as instructions: comments, characters and strings.
	opaque   = regexp.MustCompile(`//.*|(?s:/\*.*?\*/)|'(?:\\.|[^'\\\n])+'|"(?:\\.|[^"\\\n])*"`)
	joined   = regexp.MustCompile(`\\[ \t]*\n`)
	word     = regexp.MustCompile(`[\pL_·][\pL\d_·]*`)
	label    = regexp.MustCompile(`^[\pL_·][\pL\d_·]*:\s*`)
	include  = regexp.MustCompile(`^#include\s+"(.*)"`)
	define   = regexp.MustCompile(`^#define\s+([\pL_]\w*)(\([^)]*\))?(?s:(.*))`)
	function = regexp.MustCompile(`^·([\pL_]\w*)`)
	xmm      = regexp.MustCompile(`^X\d+$`)
	upper    = regexp.MustCompile(`\b[YZ]\d+\b`)
	register = regexp.MustCompile(`^([ABCD]X|[SD]I|BP|R\d+)$`)
)

// checkSource returns the functions in an assembly source, and by line what is wrong
// in them.
func checkSource(text string) (functions, findings []string) {
	text = opaque.ReplaceAllStringFunc(text, func(s string) string {
		if s[0] == '/' {
			return strings.Repeat("\n", strings.Count(s, "\n"))
		}
		if strings.HasSuffix(s, `.h"`) {
			return s
		}
		return "0"
	})
	var (
		macros  = macros{}
		wide    bool     // the function uses Y or Z registers
		left    []string // where it is left without VZEROUPPER
		cleared bool     // the instruction before this one is VZEROUPPER
	)
	end := func() {
		if wide {
			findings = append(findings, left...)
		}
		wide, left, cleared = false, nil, false
	}
	line := 1
	for text != "" {
		// A line, with all that a macro has on further ones.
		var whole string
		at := line
		for more := true; more; line++ {
			var part string
			part, text, _ = strings.Cut(text, "\n")
			more = joined.MatchString(part + "\n")
			whole += joined.ReplaceAllString(part+"\n", "\n")
		}
		found := func(what, why string) string { return fmt.Sprintf("%d: %s: %s", at, what, why) }
		if strings.HasPrefix(whole, "#") {
			if m := include.FindStringSubmatch(whole); m != nil && !slices.Contains([]string{"go_asm.h", "textflag.h", "funcdata.h"}, m[1]) {
				findings = append(findings, found(m[1], "is not read"))
			}
			macros.directive(whole)
			continue
		}
		for s := range strings.FieldsFuncSeq(macros.expand(whole), func(r rune) bool { return r == '\n' || r == ';' }) {
			s = strings.TrimSpace(s)
			for label.MatchString(s) {
				s, cleared = label.ReplaceAllString(s, ""), false
			}
			if s == "" {
				continue
			}
			op, rest, _ := strings.Cut(strings.ReplaceAll(s, "\t", " "), " ")
			args := operands(rest)
			s = strings.TrimSpace(op + " " + strings.Join(args, ", "))
			switch {
			case op == "TEXT":
				end()
				if m := function.FindStringSubmatch(args[0]); m != nil {
					functions = append(functions, m[1])
				} else {
					findings = append(findings, found(s, "is not read"))
				}
			case op == "BYTE" || op == "WORD" || op == "LONG" || op == "QUAD":
				findings = append(findings, found(s, "is not read"))
			case op[0] != 'V' && !readsOnly[op] && xmm.MatchString(written(args)):
				findings = append(findings, found(s, "no VEX form"))
			case leaves(op, args) && !cleared:
				left = append(left, found(s, "no VZEROUPPER"))
			}
			wide = wide || upper.MatchString(rest)
			cleared = op == "VZEROUPPER" || op == "VZEROALL"
		}
	}
	end()
	return functions, findings
}

// written returns the operand that an instruction writes: the last one, but for the
// immediate that is the last of CMPPS and its like.
func written(args []string) string {
	for _, a := range slices.Backward(args) {
		if !strings.HasPrefix(a, "$") {
			return a
		}
	}
	return ""
}

// leaves reports whether an instruction leaves the function.
func leaves(op string, args []string) bool {
	switch {
	case op == "RET" || op == "CALL":
		return true
	case op[0] == 'J' && len(args) > 0:
		return strings.Contains(args[0], "(") && !strings.HasSuffix(args[0], "(PC)") || register.MatchString(args[0])
	}
	return false
}

// operands splits at the commas that are not within parentheses.
func operands(s string) (list []string) {
	depth, start := 0, 0
	for i, c := range s + "," {
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				if a := strings.TrimSpace(s[start:i]); a != "" {
					list = append(list, a)
				}
				start = i + 1
			}
		}
	}
	return list
}

// macro is one of the assembler's preprocessor.
type macro struct {
	params []string // nil for one without parentheses
	body   string
}

type macros map[string]macro

// directive reads a line of the preprocessor. Conditions are not looked at: all of
// their branches count.
func (m macros) directive(s string) {
	if d := define.FindStringSubmatch(s); d != nil {
		x := macro{body: d[3]}
		if d[2] != "" {
			x.params = append([]string{}, operands(strings.Trim(d[2], "()"))...)
		}
		m[d[1]] = x
	} else if name, ok := strings.CutPrefix(s, "#undef"); ok {
		delete(m, strings.TrimSpace(name))
	}
}

// expand puts the bodies of macros in their places.
func (m macros) expand(s string) string {
	for from := 0; ; {
		at := word.FindStringIndex(s[from:])
		if at == nil {
			return s
		}
		start, end := from+at[0], from+at[1]
		x, ok := m[s[start:end]]
		if ok && x.params != nil {
			ok = strings.HasPrefix(s[end:], "(")
		}
		if !ok {
			from = end
			continue
		}
		body := x.body
		if x.params != nil {
			size := closing(s[end:])
			args := operands(s[end+1 : end+size])
			body = word.ReplaceAllStringFunc(body, func(name string) string {
				if i := slices.Index(x.params, name); i >= 0 && i < len(args) {
					return args[i]
				}
				return name
			})
			end += size + 1
		}
		s = s[:start] + strings.TrimSuffix(strings.TrimLeft(body, " \t"), "\n") + s[end:]
		from = start
	}
}

// closing returns the place of the parenthesis that closes the first one.
func closing(s string) int {
	depth := 0
	for i, c := range s {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s) - 1
}

// instruction is a line of objdump, without the address.
var instruction = regexp.MustCompile(`^\s*[0-9a-f]+:\t(.+)$`)

// checkListing returns how many instructions a listing of objdump has, and what is
// wrong with them.
func checkListing(listing string) (instructions int, findings []string) {
	var left []string
	wide, cleared := false, false
	for text := range strings.Lines(listing) {
		m := instruction.FindStringSubmatch(strings.TrimRight(text, " \n"))
		if m == nil {
			continue
		}
		instructions++
		s := strings.Join(strings.Fields(m[1]), " ")
		op, rest, _ := strings.Cut(s, " ")
		if op[0] != 'v' && !readsOnly[strings.ToUpper(op)] && strings.HasPrefix(rest[strings.LastIndexByte(rest, ',')+1:], "%xmm") {
			findings = append(findings, s+": no VEX form")
		}
		if base := strings.TrimSuffix(op, "q"); (base == "ret" || base == "call") && !cleared { // older versions say retq
			left = append(left, s+": no VZEROUPPER")
		}
		wide = wide || strings.Contains(rest, "%ymm") || strings.Contains(rest, "%zmm")
		cleared = op == "vzeroupper" || op == "vzeroall"
	}
	if wide {
		findings = append(findings, left...)
	}
	return instructions, findings
}
