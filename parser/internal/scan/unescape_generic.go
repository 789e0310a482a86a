//go:build purego || (!amd64 && !arm64)

package scan

// HasDropEscapes reports whether DropEscapes does anything.
const HasDropEscapes = false

func DropEscapes(dst, _ []byte, _ *Ending) (out []byte, read int) { return dst, 0 }
