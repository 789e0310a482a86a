//go:build cgo

package fluentbit

// #include "fluentbit.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// Logger writes lines to Fluent Bit's log, with the start that those of Fluent Bit's own
// plugins have. Lines must not contain data of a record. It is safe for use by several
// threads at once.
type Logger struct {
	head  string // "[filter:kata:kata.0] "
	level C.int  // lines above it are not printed
}

// NewLogger returns the logger of the instance with that name and log level;
// kind is filter or output.
func NewLogger(kind, name string, level int) Logger {
	return Logger{head: "[" + kind + ":kata:" + name + "] ", level: C.int(level)}
}

// Debugging reports whether debug lines are printed. Callers check it first, to save the
// cost of the arguments.
func (l Logger) Debugging() bool { return l.level >= C.KATA_LOG_DEBUG }

func (l Logger) Debugf(format string, args ...any) { l.printf(C.KATA_LOG_DEBUG, format, args...) }
func (l Logger) Infof(format string, args ...any)  { l.printf(C.KATA_LOG_INFO, format, args...) }
func (l Logger) Warnf(format string, args ...any)  { l.printf(C.KATA_LOG_WARN, format, args...) }
func (l Logger) Errorf(format string, args ...any) { l.printf(C.KATA_LOG_ERROR, format, args...) }

func (l Logger) printf(level C.int, format string, args ...any) {
	if level > l.level {
		return
	}
	line := l.head + fmt.Sprintf(format, args...)
	C.kata_log(level, (*C.char)(unsafe.Pointer(unsafe.StringData(line))), C.size_t(len(line)))
}
