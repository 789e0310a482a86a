package parser

func isDigit(c byte) bool { return c-'0' < 10 }

// trimNewlines is b without newlines and carriage returns at its end.
func trimNewlines(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
