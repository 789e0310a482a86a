//go:build purego || (!amd64 && !arm64)

package scan

func ASCIIStart(b []byte) int { return asciiStartGo(b) }
