//go:build purego || (!amd64 && !arm64)

package parser

func asciiStart(b []byte) int { return asciiStartGo(b) }
