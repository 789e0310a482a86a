// Command plugin is the Fluent Bit plugin kata, a C shared library that Fluent
// Bit opens under two names:
//
//	kata.so             the output kata, through Fluent Bit's proxy for Go
//	flb-filter_kata.so  the filter and processor kata, as a native plugin
//
// It is the only part of the project that knows C. What it does to a chunk is
// in internal/transform; here are the ways in and out:
//
//	fluentbit.h         what is known of Fluent Bit's binary interface
//	filter.c, filter.go the native route
//	output.c, output.go the proxy route
//	host.c, host.go     what is asked of the host: options, names, log
//	metrics.c, .go      what an instance did: metrics of the host, and log lines
//	memory.go           an event.Buffer whose memory is C's
//	runtime.c, .go      how the Go runtime behaves as a guest
//	guard.go            no panic leaves Go
//	limit.go            no error fills the log
//	exports.tbd         the names that the library exports
//
// Package variables outlive a hot reload, since a library with a Go runtime in
// it is never unloaded: there is no state but that of instances.
package main

//go:generate go run ./genmap config_map.h
//go:generate sh -c "sed 's,.*,/* Code generated from the file VERSION. DO NOT EDIT. */\\n#define KATA_VERSION \"&\",' ../VERSION >version.h"

// main is never called: a shared library has no start of its own.
func main() {}
