package sink

import (
	"sync"
	"syscall"
)

// stdout keeps the lines of flushes that run at the same time apart: a pipe
// takes only small writes in one piece.
var stdout sync.Mutex

// WriteStdout writes b to standard output, in one write where the system takes
// it in one. After an error a part may have been written: who repeats the call
// delivers that part twice.
//
// It does not go through os.Stdout, which ends the process when the reader of
// a pipe has gone. That is for the program to decide that this code is loaded
// into, by what it does with SIGPIPE.
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
