//go:build cgo

package fluentbit

import (
	"os"
	"runtime"
)

// threads is how many of Fluent Bit's threads can be in Go at once without any of
// them waiting. Each call needs one of as many places to run as GOMAXPROCS says,
// and a thread that has left Go keeps its place until that is taken away from
// it. By itself Go has as many as there are processors: on a small machine too
// few, so that with eight threads on two processors a call took seven times as
// long, and on a large one memory that is of no use.
const threads = 16

func init() {
	if os.Getenv("GOMAXPROCS") == "" { // else the operator has decided
		runtime.GOMAXPROCS(threads)
	}
}

// Collect frees the memory of an instance that has ended: after any number of hot
// reloads the process is as large as it was.
func Collect() {
	runtime.GC()
	tellHeap()
}
