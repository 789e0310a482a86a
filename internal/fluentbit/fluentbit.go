//go:build cgo

// Package fluentbit has what the Fluent Bit plugins of this module have in common. Each
// plugin is a C shared library of its own, with its own Go runtime.
//
//	fluentbit.h, process.c  the process: its functions, signals, and daemon mode
//	log.go, options.go      lines in Fluent Bit's log, options of an instance
//	instance.go             an instance: its chunks, its counters, its end
//	metrics.c, metrics.go   counters among Fluent Bit's own metrics
//	runtime.c, runtime.go   settings of the Go runtime
//	guard.go                no panic leaves Go
//
// How Fluent Bit registers and calls a plugin is up to the plugins. Their C code calls the C
// functions of this package, too, some of them before Go is entered.
//
// It must never import package net, or what imports it: the filter has no network code. It
// exports no function to C. Its variables hold state of the process only, since they outlive
// a hot reload: a library with a Go runtime is never unloaded.
package fluentbit

//go:generate sh -c "sed 's,.*,/* Code generated from the file VERSION. DO NOT EDIT. */\\n#define KATA_VERSION \"&\",' ../../VERSION >version.h"

// #cgo CFLAGS: -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: -ldl -Wl,-z,relro -Wl,-z,now
// #include "fluentbit.h"
import "C"

// Version is the version of the library.
const Version = C.KATA_VERSION
