// Command kata-logs shows the logs of Kata Containers without a collector, parsed as the filter
// parses them. See docs/kata-logs.md. This package has the command line only; the work is done in
// internal/logs.
package main

import (
	"os"
	"runtime/debug"
)

// version is set by make build.
var version = "devel"

// memoryLimit is the size in bytes from which on the garbage collector works harder.
const memoryLimit = 44 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	statusDone    = 0
	statusDamaged = 1 // check found damage
	statusUsage   = 2
	statusUnread  = 3 // some input could not be read
)

func run(args []string, stdin, stdout, stderr *os.File) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	a.finish()
	return a.status(err)
}
