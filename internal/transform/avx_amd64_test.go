//go:build !purego

package transform

import "testing"

// TestWithoutAVX runs the fields' tests as on a processor without AVX.
func TestWithoutAVX(t *testing.T) {
	defer func(has bool) { hasAVX = has }(hasAVX)
	hasAVX = false
	t.Run("WriteUsual", TestWriteUsual)
	t.Run("Spans", TestSpans)
}
