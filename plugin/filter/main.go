// Command filter is the library flb-filter_kata.so: Fluent Bit's filter and
// processor kata, as a native plugin. Records come in a chunk, in C memory, and
// go back in one.
//
// It must never import package net, or what imports it: a log agent that only
// filters carries no network code of ours. All that is not C is in internal/transform,
// what is C and not only the filter's is in internal/fluentbit. Here are:
//
//	filter.c, filter.go  registration and the callbacks
//	instance.c           what is asked of Fluent Bit about an instance
//	layout.h             what is known of Fluent Bit's binary interface
//	config_map.h         the options, made from internal/options
//	memory.go            an event.Buffer whose memory is C's
//	exports.tbd          the names that the library exports
package main

//go:generate go run ./genmap config_map.h

// main is never called: a shared library has no start of its own.
func main() {}
