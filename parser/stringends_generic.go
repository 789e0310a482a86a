//go:build purego || (!amd64 && !arm64)

package parser

func markEnds(text []byte, masks []uint64) { markEndsGo(text, masks) }
