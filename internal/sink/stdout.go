package sink

import (
	"sync"
	"syscall"
)

// stdout serializes the writes of flushes that run at the same time: only small writes to
// a pipe are atomic.
var stdout sync.Mutex

// WriteStdout writes all of b to standard output and returns the first error. After an
// error a part may have been written, which is delivered twice if the call is repeated. It
// is safe for use by several goroutines at once: their data is not interleaved.
//
// It does not use os.Stdout, which ends the process if the reader of a pipe is gone: what
// SIGPIPE does is up to the program that has loaded this library.
func WriteStdout(b []byte) error {
	stdout.Lock()
	defer stdout.Unlock()
	for len(b) > 0 {
		n, err := syscall.Write(1, b)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
