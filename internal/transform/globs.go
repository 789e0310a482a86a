package transform

// globs are patterns of names in which * stands for any run of bytes and ? for
// any one.
type globs []string

// newGlobs makes patterns. As written names have '_' for blanks and dots, so
// have patterns for them.
func newGlobs(patterns []string, written bool) globs {
	var g globs
	for _, p := range patterns {
		b := []byte(p)
		for i, c := range b {
			if written && (c == ' ' || c == '.') {
				b[i] = '_'
			}
		}
		g = append(g, string(b))
	}
	return g
}

func (g globs) match(name []byte) bool {
	for _, p := range g {
		if glob(p, name) {
			return true
		}
	}
	return false
}

// glob goes back to the last star only, so it costs at most the product of the
// two lengths.
func glob(pattern string, name []byte) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
