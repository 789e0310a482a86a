//go:build purego || !amd64

package parser

func matchPairs(d *Logfmt, r *Record, last *link, count int) (n int, special uint64) {
	return matchPairsGo(d, r, last, count)
}
