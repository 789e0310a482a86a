//go:build !purego

package parser

// matchPairs is matchPairsGo.
//
//go:noescape
func matchPairs(d *Logfmt, r *Record, last *link, count int) (n int, special uint64)
