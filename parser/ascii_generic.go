//go:build purego || (!amd64 && !arm64)

package parser

func asciiBlocks(b []byte) int { return asciiBlocksGo(b) }
