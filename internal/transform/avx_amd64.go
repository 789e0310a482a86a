//go:build !purego

package transform

import "golang.org/x/sys/cpu"

// hasAVX reports whether the processor has the instructions of usual_amd64.s, which
// leaves the work to Go otherwise.
var hasAVX = cpu.X86.HasAVX
