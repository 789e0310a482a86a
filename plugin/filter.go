package main

// #include "host.h"
import "C"

import (
	"runtime/cgo"
	"sync"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// filter is one instance of the native route. The host may call it from
// several threads.
type filter struct {
	*instance
	spare sync.Pool // of *memory
}

// kataFilterInit makes an instance and answers its handle, which the C side
// keeps until kataFilterExit, or 0 when it must not start: the reason is logged.
//
//export kataFilterInit
func kataFilterInit(ins unsafe.Pointer) (handle C.uintptr_t) {
	name := C.kata_filter_name(ins)
	log := newLogger("filter", name, C.kata_filter_level(ins))
	defer func() {
		if p := recover(); p != nil {
			new(guard).caught(log, p)
			handle = 0
		}
	}()
	opts := readOptions(log, filterProperties(ins))
	if opts == nil {
		return 0
	}
	f := &filter{instance: newInstance(log, opts, name, C.kata_filter_metrics(ins))}
	return C.uintptr_t(cgo.NewHandle(f))
}

// kataFilterRun rewrites the chunk of one call. On KATA_FILTER_MODIFIED the
// output is the new chunk, in memory of the C side; on anything else it is to
// be thrown away.
//
//export kataFilterRun
func kataFilterRun(handle C.uintptr_t, call *C.struct_kata_call) (answer C.int) {
	answer = C.KATA_FILTER_NOTOUCH
	defer func() { _ = recover() }() // the handle is none
	f := cgo.Handle(handle).Value().(*filter)
	answer = f.run(call)
	f.tell()
	return answer
}

func (f *filter) run(call *C.struct_kata_call) (answer C.int) {
	defer func() {
		if p := recover(); p != nil {
			f.panics.caught(f.log, p)
			answer = C.KATA_FILTER_NOTOUCH
		}
	}()
	// Both are the host's memory, which is there until this call ends.
	tag := view(unsafe.Pointer(call.tag), call.tag_size)
	chunk := view(call.in, call.in_size)
	failOnDemand(tag, chunk)

	out, _ := f.spare.Get().(*memory)
	if out == nil {
		out = new(memory)
	}
	out.attach(call)
	verdict := f.work.Process(tag, chunk, &out.Buffer)
	out.finish()
	f.spare.Put(out) // not after a panic: nobody knows what state it is in

	if f.log.debugging() {
		if verdict == transform.Changed {
			f.log.debugf("chunk of %d bytes, changed to %d", call.in_size, call.out_size)
		} else {
			f.log.debugf("chunk of %d bytes, nothing to change", call.in_size)
		}
	}
	if verdict == transform.Changed {
		return C.KATA_FILTER_MODIFIED
	}
	return C.KATA_FILTER_NOTOUCH
}

// kataFilterExit ends an instance; the handle is not valid any more.
//
//export kataFilterExit
func kataFilterExit(handle C.uintptr_t) {
	defer func() { _ = recover() }() // nothing is left that could be told
	h := cgo.Handle(handle)
	f := h.Value().(*filter)
	h.Delete()
	f.end()
	forget()
}
