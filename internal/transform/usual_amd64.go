//go:build !purego

package transform

import "github.com/kata-logs/fluent-bit-kata/parser"

// writeUsual is writeUsualGo.
//
//go:noescape
func writeUsual(fields []parser.Field, names []strName, b []byte) (n, size int)

// writeUsualSpans is writeUsualSpansGo.
//
//go:noescape
func writeUsualSpans(spans []parser.Span, text []byte, names []strName, b []byte) (n, size int)
