package sink

import (
	"sync"
	"syscall"
)

// stdout serializes the writes of flushes that run at the same time: only small writes to
// a pipe are atomic.
var stdout sync.Mutex

// NewStdout returns a sink that writes JSON lines to standard output. After an error a part
// of a chunk may have been written, which is then delivered twice.
func NewStdout(log Logger) Sink {
	return &lines{log: log, write: writeStdout, failure: "cannot write to standard output"}
}

// writeStdout does not use os.Stdout, which ends the process if the reader of a pipe is gone:
// what SIGPIPE does is up to the program that has loaded this library.
func writeStdout(b []byte) error {
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
