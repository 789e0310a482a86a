//go:build purego || !amd64

package parser

func matchPairs(spans []Span, edges []uint32, text []byte, last *link, at []uint32, field uint32) (n int, special uint64) {
	return matchPairsGo(spans, edges, text, last, at, field)
}
