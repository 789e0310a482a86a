// Package stat computes one figure from those of many rounds.
package stat

import "slices"

// Least returns the smallest of some figures: the cost without disturbances.
func Least(x []float64) float64 { return slices.Min(x) }

// Median returns the median.
func Median(x []float64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Ratios divides figures round by round, so that what disturbs a whole round cancels out.
func Ratios(x, by []float64) (r []float64) {
	for i := range min(len(x), len(by)) {
		r = append(r, x[i]/by[i])
	}
	return r
}
