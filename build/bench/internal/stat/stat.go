// Package stat draws one figure from many rounds.
package stat

import "slices"

// Least is the smallest of some figures: what the work costs when nothing else
// is in its way.
func Least(x []float64) float64 { return slices.Min(x) }

// Median is the one in the middle.
func Median(x []float64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Ratios divides round by round, so that what disturbs a whole round cancels out.
func Ratios(x, by []float64) (r []float64) {
	for i := range min(len(x), len(by)) {
		r = append(r, x[i]/by[i])
	}
	return r
}
