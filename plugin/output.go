package main

// #include "host.h"
import "C"

import (
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// output is one instance of the proxy route: transform, then JSON lines on
// standard output. Workers may call it at the same time.
type output struct {
	*instance
	spare    sync.Pool // of *scratch
	failures limiter   // log lines of deliveries that failed
}

// scratch is the memory of one flush: Go's, since nothing of it is handed over.
type scratch struct {
	events event.Buffer
	lines  []byte
}

// maxSpare keeps one large chunk from being paid for ever after.
const maxSpare = 4 << 20

// kataOutputInit makes an instance and answers its handle, which the host keeps
// until kataOutputExit, or 0 when it must not start: the reason is logged.
//
//export kataOutputInit
func kataOutputInit(plugin *C.struct_kata_proxy_plugin) (handle C.uintptr_t) {
	name := C.kata_output_name(plugin)
	log := newLogger("output", name, C.kata_output_level(plugin))
	defer func() {
		if p := recover(); p != nil {
			new(guard).caught(log, p)
			handle = 0
		}
	}()
	opts := readOptions(log, outputProperties(plugin))
	if opts == nil {
		return 0
	}
	o := &output{instance: newInstance(log, opts, name, C.kata_output_metrics(plugin))}
	return C.uintptr_t(cgo.NewHandle(o))
}

// kataOutputFlush delivers one chunk. It answers KATA_PROXY_RETRY when the
// chunk could not be delivered, now or because of a panic: the host's
// Retry_Limit says how often that may be.
//
//export kataOutputFlush
func kataOutputFlush(handle C.uintptr_t, tag *C.char, tagSize C.size_t, data unsafe.Pointer, size C.size_t) (answer C.int) {
	answer = C.KATA_PROXY_RETRY
	defer func() { _ = recover() }() // the handle is none
	o := cgo.Handle(handle).Value().(*output)
	answer = o.flush(view(unsafe.Pointer(tag), tagSize), view(data, size))
	o.tell()
	return answer
}

func (o *output) flush(tag, chunk []byte) (answer C.int) {
	defer func() {
		if p := recover(); p != nil {
			o.panics.caught(o.log, p)
			answer = C.KATA_PROXY_RETRY
		}
	}()
	s, _ := o.spare.Get().(*scratch)
	if s == nil {
		s = new(scratch)
	}
	s.lines = sink.AppendJSONLines(s.lines[:0], o.transformed(tag, chunk, &s.events))
	if o.log.debugging() {
		o.log.debugf("chunk of %d bytes, %d bytes of lines", len(chunk), len(s.lines))
	}
	err := sink.WriteStdout(s.lines)
	if cap(s.lines) <= maxSpare && cap(s.events.B) <= maxSpare {
		s.events = event.Buffer{B: s.events.B[:0]}
		o.spare.Put(s)
	}
	if err != nil {
		if held, due := o.failures.due(time.Now()); due {
			o.log.warnf("cannot write to standard output: %v%s", err, held)
		}
		return C.KATA_PROXY_RETRY
	}
	return C.KATA_PROXY_OK
}

// transformed returns the chunk to deliver: the rewritten one, in out's memory,
// or the chunk itself when nothing changed, or something went wrong. Tag and
// chunk are the host's memory, which is there until the flush ends.
func (o *output) transformed(tag, chunk []byte, out *event.Buffer) (events []byte) {
	defer func() {
		if p := recover(); p != nil {
			o.panics.caught(o.log, p)
			events = chunk
		}
	}()
	failOnDemand(tag, chunk)
	if o.work.Process(tag, chunk, out) == transform.Changed {
		return out.B
	}
	return chunk
}

// kataOutputExit ends an instance; the handle is not valid any more.
//
//export kataOutputExit
func kataOutputExit(handle C.uintptr_t) {
	defer func() { _ = recover() }() // nothing is left that could be told
	h := cgo.Handle(handle)
	o := h.Value().(*output)
	h.Delete()
	o.end()
	forget()
}
