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

// A library built with this tag is for tests: a chunk that carries one of these
// texts, or the one of the filter's testing_on.c, makes it fail.
const (
	panicText = "katatest:panic" // a panic whose value quotes the chunk
	nilText   = "katatest:nil"   // a fault that the CPU reports
)

// One that carries this text prints its tag on standard error.
const tagText = "katatest:tag"

// One that carries this text tells on standard error how many allocations there
// were since the last such chunk, and how late the runtime's threads may be.
const runtimeText = "katatest:runtime"

// With this variable in the environment each instance tells on standard error,
// when it has ended, how much is left in Go's heap.
const heapVariable = "KATATEST_HEAP"

var told struct {
	sync.Mutex
	stats   runtime.MemStats
	mallocs uint64
	slack   uintptr // of the thread that makes the first others; init runs on it
}

func init() {
	told.slack, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0)
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
		tellRuntime()
	}
}

func tellRuntime() {
	told.Lock()
	defer told.Unlock()
	runtime.ReadMemStats(&told.stats)
	fmt.Fprintf(os.Stderr, "allocations: %d, slack: %d\n", told.stats.Mallocs-told.mallocs, told.slack)
	runtime.ReadMemStats(&told.stats)
	told.mallocs = told.stats.Mallocs
}

// tellHeap is called after a collection.
func tellHeap() {
	if os.Getenv(heapVariable) == "" {
		return
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Fprintf(os.Stderr, "heap in use: %d\n", stats.HeapAlloc)
}
