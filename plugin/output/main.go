// Command output is the library kata.so: Fluent Bit's output kata, through its
// proxy for plugins in Go and the package that Fluent Bit has for them
// (github.com/fluent/fluent-bit-go).
//
// It may import what it needs to deliver records, package net too. It must never
// import the filter. What is not an output's only is in internal/transform and,
// as far as Fluent Bit is concerned, in internal/fluentbit; where records go is
// in internal/sink. Here are:
//
//	output.c     the functions that Fluent Bit looks up
//	output.go    what they call
//	instance.c   what is asked of Fluent Bit about an instance
//	proxy.h      what is known of the proxy beyond Fluent Bit's package
//	exports.tbd  the names that the library exports
package main

// main is never called: a shared library has no start of its own.
func main() {}
