//go:build !purego

package parser

import "golang.org/x/sys/cpu"

// What edges are found with.
var (
	edgesByAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT && cpu.X86.HasPCLMULQDQ
	edgesByAVX512 = edgesByAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI2
)

// edgesOf is edgesGo with vector instructions.
func (d *Logfmt) edgesOf(window []byte, base int) bool {
	switch {
	case len(window) == 0:
		return true
	case edgesByAVX512:
		return edgesAVX512(&d.edges, &window[0], len(window), base)
	case !edgesByAVX2:
		return d.edgesGo(window, base)
	case base+len(window) < block:
		return d.edgesGo(window, base)
	}
	return edgesAVX2(&d.edges, &window[0], len(window), base)
}

// edgesAVX2 is edgesGo for a window of n bytes. When n is no multiple of block, the
// block of bytes before the window's end must be the text's, too.
//
//go:noescape
func edgesAVX2(e *edges, window *byte, n, base int) bool

// edgesAVX512 is edgesGo for a window of n bytes.
//
//go:noescape
func edgesAVX512(e *edges, window *byte, n, base int) bool
