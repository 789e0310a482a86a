// Command filter is the library flb-filter_kata.so: Fluent Bit's filter and processor kata, a
// native plugin. It gets chunks in C memory and returns chunks in C memory.
//
// It must never import package net, or what imports it, nor internal/sink: a plugin that only
// filters must not add network code to Fluent Bit. The filter itself is in
// internal/transform, and what the plugins have in common in internal/fluentbit. This
// package has:
//
//	filter.c, filter.go  registration and the callbacks
//	instance.c           access to Fluent Bit's instance
//	layout.h             Fluent Bit's structs and constants
//	config_map.h         the options, generated from internal/options
//	memory.go            an event.Buffer in C memory
//	exports.tbd          the names that the library exports
package main

//go:generate go run ./genmap filter config_map.h

// main is never called in a shared library.
func main() {}
