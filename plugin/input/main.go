// Command input is the library in_kata.so: Fluent Bit's input kata, a plugin for Fluent Bit's Go
// proxy, built on github.com/fluent/fluent-bit-go.
//
// It reads the journal itself and gives the records that the filter would make of those of Fluent
// Bit's systemd input. Reading is in internal/collect, parsing in internal/transform, what the
// plugins have in common in internal/fluentbit. This package has:
//
//	input.c      the functions that Fluent Bit looks up
//	input.go     the Go functions that those call
//	memory.go    C memory for batches
//	instance.c   access to Fluent Bit's instance
//	engine.c     what Fluent Bit's engine does
//	config_map.h the options, generated from internal/options
//	input.h      the C functions for the Go code
//	exports.tbd  the names that the library exports
package main

//go:generate go run ../filter/genmap input config_map.h

// main is never called in a shared library.
func main() {}
