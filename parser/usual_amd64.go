//go:build !purego

package parser

// matchPairs is matchPairsGo.
//
//go:noescape
func matchPairs(spans []Span, edges []uint32, text []byte, last *link, at []uint32, field uint32) (n int, special uint64)
