//go:build purego || (!amd64 && !arm64)

package scan

func classify(text []byte, masks [][classes]uint64) { classifyGo(text, masks) }
