//go:build purego || !amd64

package parser

func (d *Logfmt) edgesOf(window []byte, base int) bool { return d.edgesGo(window, base) }
