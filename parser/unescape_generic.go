//go:build purego || (!amd64 && !arm64)

package parser

// hasDropEscapes says whether dropEscapes does anything.
const hasDropEscapes = false

func dropEscapes(dst, _ []byte, _ *ending) (out []byte, read int) { return dst, 0 }
