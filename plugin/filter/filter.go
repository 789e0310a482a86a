package main

// #cgo CFLAGS: -I${SRCDIR}/../../internal/fluentbit -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: ${SRCDIR}/exports.tbd
// #include <stdlib.h>
// #include "filter.h"
import "C"

import (
	"runtime/cgo"
	"sync"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/fluentbit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// filter is one instance. Fluent Bit may call it from several threads at once.
type filter struct {
	*fluentbit.Instance
	spare sync.Pool // of *memory
}

// kataFilterInit creates an instance and returns its handle, which is valid until
// kataFilterExit. It returns 0 if the instance must not start, and logs the reason.
//
//export kataFilterInit
func kataFilterInit(ins unsafe.Pointer) (handle C.uintptr_t) {
	name := C.GoString(C.kata_filter_name(ins))
	log := fluentbit.NewLogger("filter", name, int(C.kata_filter_level(ins)))
	defer func() {
		if p := recover(); p != nil {
			new(fluentbit.Guard).Recovered(log, p)
			handle = 0
		}
	}()
	opts := fluentbit.ParseOptions(log, options.FilterPlugin, properties(ins))
	if opts == nil {
		return 0
	}
	f := &filter{Instance: fluentbit.NewInstance(log, opts, name, C.kata_filter_metrics(ins))}
	return C.uintptr_t(cgo.NewHandle(f))
}

// properties returns a Getter of an instance's options. For Fluent Bit NULL is an option
// that is not set, and "" one with an empty value.
func properties(ins unsafe.Pointer) options.Getter {
	return func(name string) (string, bool) {
		key := C.CString(name)
		defer C.free(unsafe.Pointer(key))
		text := C.kata_filter_property(ins, key)
		return C.GoString(text), text != nil
	}
}

// kataFilterRun processes the chunk of one call. If it returns KATA_FILTER_MODIFIED, the
// call's output is the new chunk, in C memory; otherwise the output is to be discarded.
//
//export kataFilterRun
func kataFilterRun(handle C.uintptr_t, call *C.struct_kata_call) (result C.int) {
	result = C.KATA_FILTER_NOTOUCH
	defer func() { _ = recover() }() // the handle is not valid
	f := cgo.Handle(handle).Value().(*filter)
	result = f.run(call)
	f.Report()
	return result
}

func (f *filter) run(call *C.struct_kata_call) (result C.int) {
	defer func() {
		if p := recover(); p != nil {
			f.Panics.Recovered(f.Log, p)
			result = C.KATA_FILTER_NOTOUCH
		}
	}()
	// Both are Fluent Bit's memory, which is valid until this call returns.
	tag := view(unsafe.Pointer(call.tag), call.tag_size)
	chunk := view(call.in, call.in_size)
	out, _ := f.spare.Get().(*memory)
	if out == nil {
		out = new(memory)
	}
	out.attach(call)
	verdict := f.Process(tag, chunk, &out.Buffer)
	out.finish()
	f.spare.Put(out) // not after a panic, when its state may be inconsistent

	if f.Log.Debugging() {
		if verdict == transform.Changed {
			f.Log.Debugf("chunk of %d bytes, changed to %d", call.in_size, call.out_size)
		} else {
			f.Log.Debugf("chunk of %d bytes, nothing to change", call.in_size)
		}
	}
	if verdict == transform.Changed {
		return C.KATA_FILTER_MODIFIED
	}
	return C.KATA_FILTER_NOTOUCH
}

// kataFilterExit ends an instance. The handle is invalid after that.
//
//export kataFilterExit
func kataFilterExit(handle C.uintptr_t) {
	defer func() { _ = recover() }() // there is nothing to log it with
	h := cgo.Handle(handle)
	f := h.Value().(*filter)
	h.Delete()
	f.Close()
	fluentbit.Collect()
}
