//go:build purego || (!amd64 && !arm64)

package scan

func markEnds(text []byte, masks []uint64) { markEndsGo(text, masks) }
