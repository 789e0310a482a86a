//go:build purego || !amd64

package parser

func findPairs(state *pairState, edges []uint32, window []byte, base int) bool {
	return findPairsGo(state, edges, window, base)
}
