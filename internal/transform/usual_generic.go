//go:build purego || !amd64

package transform

import "github.com/kata-logs/fluent-bit-kata/parser"

func writeUsual(fields []parser.Field, names []strName, b []byte) (n, size int) {
	return writeUsualGo(fields, names, b)
}

func writeUsualSpans(spans []parser.Span, text []byte, names []strName, b []byte) (n, size int) {
	return writeUsualSpansGo(spans, text, names, b)
}
