package host

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestValgrind checks Go's use of C memory, and all of C's: AddressSanitizer only checks C
// code that is compiled for it.
//
// valgrind does not know Go's stacks, which move, and reports accesses beyond the end of what
// it takes for the stack: some thousand reports, all of them of memory that Go itself got from
// the kernel. Every report of memory from malloc counts.
func TestValgrind(t *testing.T) {
	t.Parallel()
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Skip("no valgrind")
	}
	root, err := filepath.Abs("../../testdata/pods/containerd")
	if err != nil {
		t.Fatal(err)
	}
	address, lost := regexp.MustCompile(` Address 0x\w+ is `), regexp.MustCompile(` definitely lost: [^0]`)
	// under runs the stand-in with arguments for the instances and a library.
	under := func(name string, args ...string) {
		t.Run(name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			r := run(t, valgrind, append([]string{"--log-file=" + log, "--undef-value-errors=no", "--error-limit=no", "--fair-sched=yes",
				"--leak-check=full", "--show-leak-kinds=definite", current, "-q", "--log-level", "off"}, args...)...)
			report := string(read(t, log))
			if r.code != 0 || !strings.Contains(report, "ERROR SUMMARY") {
				t.Fatalf("exit code %d: %s\n%.3000s", r.code, r.log, report)
			}
			for _, one := range regexp.MustCompile(`(?m)^==\d+== $`).Split(report, -1) {
				if address.MatchString(one) && !strings.Contains(one, " in a rw- anonymous segment") || lost.MatchString(one) {
					t.Error(one)
				}
			}
		})
	}
	f := func(name, mode, path string) {
		under(mode+" "+name, "--threads", "2",
			"-p", "prefix="+strings.Repeat("p", 500), "--next", "-p", "nested=keep", "-p", "nest_under=kata",
			"-p", "sandbox_metadata=on", "-p", "sandbox_metadata_roots="+root, breaking[mode], path)
	}
	whole := read(t, contract)
	f("whole", "filter", contract)
	f("whole", "output", contract)
	f("without memory", "filter", chunk(t, message("info"), message("info")+" katatest:memory"))
	f("panic", "filter", chunk(t, message("info"), message("info")+" katatest:panic"))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2 {
		damaged := append([]byte(nil), whole[:len(whole)-rnd.IntN(len(whole)/8)]...)
		for range 200 {
			damaged[rnd.IntN(len(damaged))] ^= 1 << rnd.IntN(8)
		}
		// The start is not damaged: nothing is parsed behind the first damage.
		copy(damaged, whole[:len(whole)/2])
		f("damaged", "filter", file(t, damaged))
	}

	dir := journal(t, append(entries(message("info"), message("info")+" katatest:panic", message("error")+strings.Repeat(" x", 100<<10)), []string{"=no name", "MESSAGE=m"})...)
	under("input", append(append(input(dir, "-p", "db="+db(t), "-p", "max_batch=64k", "-p", "prefix="+strings.Repeat("p", 500), "--next"),
		input(dir, "-p", "nested=keep", "-p", "lowercase=on", "--collect", "12")...), breaking["input"])...)
	under("input without a thread", append(input(dir, "-p", "threaded=off", "--full", "1"), breaking["input"])...)
}
