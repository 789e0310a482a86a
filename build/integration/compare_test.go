//go:build integration

package integration

import (
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
)

// TestCompare runs the cases with Fluent Bit's own output es behind the filter kata.
func TestCompare(t *testing.T) {
	if fluentBit == "" {
		t.Skip("it needs FLUENT_BIT")
	}
	eachServer(t, func(t *testing.T, s *servers.Server) {
		for i := range cases {
			c := &cases[i]
			if c.oursOnly {
				continue
			}
			for _, o := range []output{es, esBest} {
				t.Run(strings.ReplaceAll(c.name+"/"+o.name, " ", "-"), func(t *testing.T) {
					c.run(t, s, o, filesystem)
				})
			}
		}
	})
}
