//go:build cgo

package fluentbit

import (
	"os"
	"runtime"
)

// threads is how many of Fluent Bit's threads can be in Go at once without any of them
// waiting. Each call needs a P, of which there are GOMAXPROCS, and a thread that has left Go
// keeps its P until the runtime retakes it. By default there are as many as processors: on a
// small machine too few (with eight threads on two processors a call took seven times as
// long), and on a large one more than needed, each with its own memory.
const threads = 16

func init() {
	if os.Getenv("GOMAXPROCS") == "" { // else the operator has decided
		runtime.GOMAXPROCS(threads)
	}
}

// Collect frees the Go memory of instances that have ended, so that hot reloads do not make
// the process grow.
func Collect() {
	runtime.GC()
	printHeap()
}
