//go:build purego || !amd64

package scan

func FindPairs(state *PairState, edges []uint32, window []byte, base int) bool {
	return findPairsGo(state, edges, window, base)
}
