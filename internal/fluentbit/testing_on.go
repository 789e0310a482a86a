//go:build katatest && cgo

package fluentbit

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// An instance reports every chunk in which something went wrong.
const reportInterval = 0

// A library built with this tag is for tests: a chunk that contains one of these texts, or
// that of the filter's testing_on.c, makes it fail.
const (
	panicText = "katatest:panic" // a panic whose value quotes the chunk
	nilText   = "katatest:nil"   // a fault that the CPU reports
)

// For a chunk that contains this text the tag is printed on standard error.
const tagText = "katatest:tag"

// For a chunk that contains this text standard error gets the number of allocations since
// the last such chunk, and the timer slack of the Go runtime's threads in nanoseconds.
const runtimeText = "katatest:runtime"

// With this variable in the environment the size of Go's heap is printed on standard error
// when an instance has ended.
const heapVariable = "KATATEST_HEAP"

var printed struct {
	sync.Mutex
	stats   runtime.MemStats
	mallocs uint64
	slack   uintptr // of the thread that init runs on: others inherit it
}

func init() {
	printed.slack, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0)
}

type victim struct{ field int }

func failOnDemand(tag, chunk []byte) {
	if bytes.Contains(chunk, []byte(panicText)) {
		panic("bad chunk: " + string(chunk))
	}
	if bytes.Contains(chunk, []byte(nilText)) {
		var v *victim
		v.field++
	}
	if bytes.Contains(chunk, []byte(tagText)) {
		fmt.Fprintf(os.Stderr, "tag: %q\n", tag)
	}
	if bytes.Contains(chunk, []byte(runtimeText)) {
		printRuntime()
	}
}

func printRuntime() {
	printed.Lock()
	defer printed.Unlock()
	runtime.ReadMemStats(&printed.stats)
	fmt.Fprintf(os.Stderr, "allocations: %d, slack: %d\n", printed.stats.Mallocs-printed.mallocs, printed.slack)
	runtime.ReadMemStats(&printed.stats)
	printed.mallocs = printed.stats.Mallocs
}

// printHeap is called after a garbage collection.
func printHeap() {
	if os.Getenv(heapVariable) == "" {
		return
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Fprintf(os.Stderr, "heap in use: %d\n", stats.HeapAlloc)
}
