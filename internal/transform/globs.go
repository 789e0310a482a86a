package transform

// globs are patterns of names in which * stands for any run of bytes and ? for
// any one.
type globs []string

// newGlobs returns the patterns. If they are for names as they are written, which have
// '_' in place of blanks and dots, those in the patterns become '_', too.
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

// match reports whether one of the patterns matches the whole name.
func (g globs) match(name []byte) bool {
	for _, p := range g {
		if glob(p, name) {
			return true
		}
	}
	return false
}

// glob reports whether the pattern matches the whole name. It goes back to the last star
// only, so that it takes at most as many steps as the product of the two lengths.
func glob(pattern string, name []byte) bool {
	p, n, star, resume := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			resume++
			p, n = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
