//go:build purego || (!amd64 && !arm64)

package parser

// hasDropEscapes says whether there is a dropBlocks.
const hasDropEscapes = false

func dropBlocks(_, _ *byte, _, _ int, _ *ending) (read, written int) { return 0, 0 }
