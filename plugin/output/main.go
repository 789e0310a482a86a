// Command output is the library kata.so: Fluent Bit's output kata, a plugin for Fluent Bit's
// Go proxy, built on github.com/fluent/fluent-bit-go.
//
// It may import what it needs to deliver records, package net included, but must never import
// the filter. The parsing of chunks is in internal/transform, what the plugins have in common
// in internal/fluentbit, and the delivery in internal/sink. This package has:
//
//	output.c     the functions that Fluent Bit looks up
//	output.go    the Go functions that those call
//	instance.c   access to Fluent Bit's instance
//	workers.c    what Fluent Bit leaves of its workers
//	config_map.h the options, generated from internal/options
//	output.h     the C functions for the Go code
//	exports.tbd  the names that the library exports
package main

//go:generate go run ../filter/genmap output config_map.h

// main is never called in a shared library.
func main() {}
