package stat

import (
	"slices"
	"testing"
)

func TestStat(t *testing.T) {
	odd, even := []float64{3, 1, 2}, []float64{4, 1, 3, 2}
	if Least(odd) != 1 || Median(odd) != 2 || Median(even) != 2.5 {
		t.Error(Least(odd), Median(odd), Median(even))
	}
	if r := Ratios([]float64{4, 9, 5}, []float64{2, 3}); !slices.Equal(r, []float64{2, 3}) {
		t.Error(r)
	}
}
