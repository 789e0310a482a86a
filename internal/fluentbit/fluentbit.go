//go:build cgo

// Package fluentbit is what the project's Fluent Bit plugins have in common, each
// of which is a C shared library of its own, with a Go runtime of its own:
//
//	fluentbit.h, process.c  functions, signals and daemon mode of the process
//	log.go, options.go      lines in Fluent Bit's log, options of an instance
//	instance.go             an instance: the work, its counters, its end
//	metrics.c, metrics.go   counters among Fluent Bit's own metrics
//	runtime.c, runtime.go   settings of the Go runtime
//	guard.go                no panic leaves Go
//	limit.go                no error fills the log
//
// How Fluent Bit registers and calls a plugin is not in here: a filter does not
// look up what only an output needs. Its C functions are for the C of the plugins
// too, some of them to be called before Go is entered.
//
// It must never import package net, or what imports it: the filter has no network
// code. It exports no function to C and holds no state but that of the process,
// since package variables outlive a hot reload: a library with a Go runtime in it
// is never unloaded.
package fluentbit

//go:generate sh -c "sed 's,.*,/* Code generated from the file VERSION. DO NOT EDIT. */\\n#define KATA_VERSION \"&\",' ../../VERSION >version.h"

// #cgo CFLAGS: -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: -ldl -Wl,-z,relro -Wl,-z,now
// #include "fluentbit.h"
import "C"

// Version is the version of the library.
const Version = C.KATA_VERSION
