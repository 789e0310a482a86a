//go:build purego || (!amd64 && !arm64)

package parser

func classify(text []byte, masks [][classes]uint64) { classifyGo(text, masks) }
