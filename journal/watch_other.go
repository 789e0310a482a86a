//go:build !linux

package journal

import (
	"context"
	"os"
	"time"
)

const openFlags = 0

// fileKey is not known here; files are compared by os.SameFile.
type fileKey struct{ unknown struct{} }

func keyOf(os.FileInfo) fileKey { return fileKey{} }

// watch does nothing here: changes are found by polling.
type watch struct{}

func (w *watch) close() {}

func (r *Reader) watchAll() {}

func (r *Reader) sleep(ctx context.Context) error {
	return pause(ctx, max(time.Until(r.polled.Add(r.options.PollInterval)), time.Millisecond))
}
