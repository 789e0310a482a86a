package main

// #cgo CFLAGS: -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: -ldl -Wl,-z,relro -Wl,-z,now ${SRCDIR}/exports.tbd
// #include <stdlib.h>
// #include "host.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// logger writes lines to the host's log, with the head that Fluent Bit's own
// plugins put there. Lines never carry anything of a record.
type logger struct {
	head  string // "[filter:kata:kata.0] "
	level C.int  // the instance's; what is above it is not printed
}

func newLogger(kind string, name *C.char, level C.int) logger {
	return logger{head: "[" + kind + ":kata:" + C.GoString(name) + "] ", level: level}
}

// debugging is asked before a debug line is even put together.
func (l logger) debugging() bool { return l.level >= C.KATA_LOG_DEBUG }

func (l logger) debugf(format string, args ...any) { l.printf(C.KATA_LOG_DEBUG, format, args...) }
func (l logger) infof(format string, args ...any)  { l.printf(C.KATA_LOG_INFO, format, args...) }
func (l logger) warnf(format string, args ...any)  { l.printf(C.KATA_LOG_WARN, format, args...) }
func (l logger) errorf(format string, args ...any) { l.printf(C.KATA_LOG_ERROR, format, args...) }

func (l logger) printf(level C.int, format string, args ...any) {
	if level > l.level {
		return
	}
	line := l.head + fmt.Sprintf(format, args...)
	C.kata_log(level, (*C.char)(unsafe.Pointer(unsafe.StringData(line))), C.size_t(len(line)))
}

// readOptions parses an instance's options and logs each thing that is wrong
// with them on a line of its own. It answers nil when there was any.
func readOptions(log logger, get options.Getter) *options.Options {
	opts, err := options.Parse(get)
	if err == nil {
		return opts
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	for _, err := range errs {
		log.errorf("%v", err)
	}
	return nil
}

// filterProperties reads the options of a filter instance. The host answers
// NULL for one that is not set and "" for one that was set to nothing.
func filterProperties(ins unsafe.Pointer) options.Getter {
	return func(name string) (string, bool) {
		key := C.CString(name)
		defer C.free(unsafe.Pointer(key))
		text := C.kata_filter_property(ins, key)
		return C.GoString(text), text != nil
	}
}

// outputProperties reads those of an output instance, where an empty value has
// always counted as none: so it does in every Go plugin.
func outputProperties(plugin *C.struct_kata_proxy_plugin) options.Getter {
	return func(name string) (string, bool) {
		key := C.CString(name)
		defer C.free(unsafe.Pointer(key))
		text := C.GoString(C.kata_output_property(plugin, key))
		return text, text != ""
	}
}
