//go:build katatest

package main

// #cgo CFLAGS: -DKATATEST
import "C"

import "bytes"

// An instance reports every chunk in which something went wrong.
const reportInterval = 0

// A library built with this tag is for tests: a chunk that carries one of these
// texts, or the one in testing_on.c, makes it fail.
const (
	panicText = "katatest:panic" // a panic whose value quotes the chunk
	nilText   = "katatest:nil"   // a fault that the processor reports
)

type victim struct{ field int }

func failOnDemand(chunk []byte) {
	if bytes.Contains(chunk, []byte(panicText)) {
		panic("bad chunk: " + string(chunk))
	}
	if bytes.Contains(chunk, []byte(nilText)) {
		var v *victim
		v.field++
	}
}
