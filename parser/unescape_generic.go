//go:build purego || !amd64

package parser

const hasDropEscapes = false

func dropEscapes(dst, _ []byte, _ *ending) ([]byte, int) { return dst, 0 }
