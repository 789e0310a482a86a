package main

// #cgo CFLAGS: -I${SRCDIR}/../../internal/fluentbit -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: ${SRCDIR}/exports.tbd
// #include <stdlib.h>
// #include "proxy.h"
import "C"

import (
	"sync"
	"time"
	"unsafe"

	flb "github.com/fluent/fluent-bit-go/output"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/fluentbit"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// output is one instance. It writes the events of transformed chunks to standard output, as
// lines of JSON. Several workers may call it at once.
type output struct {
	*fluentbit.Instance
	spare    sync.Pool         // of *scratch
	failures fluentbit.Limiter // log lines of failed deliveries
}

// scratch is the Go memory of one flush.
type scratch struct {
	events event.Buffer
	lines  []byte
}

// maxSpare is the size of the memory that is kept for later flushes, so that one large chunk
// does not occupy memory for good.
const maxSpare = 4 << 20

// context is the context of an instance in fluent-bit-go, which never frees it. It only refers
// to the instance, which can be freed.
type context struct{ output *output }

// kataOutputRegister registers the plugin.
//
//export kataOutputRegister
func kataOutputRegister(def unsafe.Pointer) C.int {
	return C.int(flb.FLBPluginRegister(def, "kata",
		"Parse the log records of Kata Containers and write them as JSON lines (version "+fluentbit.Version+")"))
}

// kataOutputUnregister frees what kataOutputRegister has allocated.
//
//export kataOutputUnregister
func kataOutputUnregister(def unsafe.Pointer) { flb.FLBPluginUnregister(def) }

// kataOutputInit creates an instance and sets its context, which is valid until
// kataOutputExit. It returns FLB_ERROR if the instance must not start, and logs the reason.
//
//export kataOutputInit
func kataOutputInit(plugin unsafe.Pointer) (result C.int) {
	p := (*C.struct_kata_proxy_plugin)(plugin)
	name := C.GoString(C.kata_output_name(p))
	log := fluentbit.NewLogger("output", name, int(C.kata_output_level(p)))
	defer func() {
		if p := recover(); p != nil {
			new(fluentbit.Guard).Recovered(log, p)
			result = flb.FLB_ERROR
		}
	}()
	opts := fluentbit.ParseOptions(log, func(name string) (string, bool) {
		// fluent-bit-go cannot tell an empty value from an option that is not set.
		text := flb.FLBPluginConfigKey(plugin, name)
		return text, text != ""
	})
	if opts == nil {
		return flb.FLB_ERROR
	}
	o := &output{Instance: fluentbit.NewInstance(log, opts, name, C.kata_output_metrics(p))}
	flb.FLBPluginSetContext(plugin, &context{o})
	return flb.FLB_OK
}

// kataOutputFlush delivers one chunk. It returns FLB_RETRY if the chunk could not be
// delivered, or after a panic: Fluent Bit's Retry_Limit limits how often it retries.
//
//export kataOutputFlush
func kataOutputFlush(ctx unsafe.Pointer, tag *C.char, tagSize C.size_t, data unsafe.Pointer, size C.size_t) (result C.int) {
	result = flb.FLB_RETRY
	defer func() { _ = recover() }() // the context is not valid
	o := flb.FLBPluginGetContext(ctx).(*context).output
	// Both are Fluent Bit's memory, which is valid until this call returns.
	result = o.flush(unsafe.Slice((*byte)(unsafe.Pointer(tag)), int(tagSize)), unsafe.Slice((*byte)(data), int(size)))
	o.Report()
	return result
}

func (o *output) flush(tag, chunk []byte) (result C.int) {
	defer func() {
		if p := recover(); p != nil {
			o.Panics.Recovered(o.Log, p)
			result = flb.FLB_RETRY
		}
	}()
	s, _ := o.spare.Get().(*scratch)
	if s == nil {
		s = new(scratch)
	}
	s.lines = sink.AppendJSONLines(s.lines[:0], o.transformed(tag, chunk, &s.events))
	if o.Log.Debugging() {
		o.Log.Debugf("chunk of %d bytes, %d bytes of lines", len(chunk), len(s.lines))
	}
	err := sink.WriteStdout(s.lines)
	if cap(s.lines) <= maxSpare && cap(s.events.B) <= maxSpare {
		s.events = event.Buffer{B: s.events.B[:0]}
		o.spare.Put(s)
	}
	if err != nil {
		if held, due := o.failures.Due(time.Now()); due {
			o.Log.Warnf("cannot write to standard output: %v%s", err, held)
		}
		return flb.FLB_RETRY
	}
	return flb.FLB_OK
}

// transformed returns the chunk to deliver: the changed one, in out's memory, or the chunk
// itself if nothing changed, or after a panic.
func (o *output) transformed(tag, chunk []byte, out *event.Buffer) (events []byte) {
	defer func() {
		if p := recover(); p != nil {
			o.Panics.Recovered(o.Log, p)
			events = chunk
		}
	}()
	if o.Process(tag, chunk, out) == transform.Changed {
		return out.B
	}
	return chunk
}

// kataOutputExit ends an instance. The context is invalid after that: it is one byte that
// fluent-bit-go has allocated with C.CString and does not free.
//
//export kataOutputExit
func kataOutputExit(ctx unsafe.Pointer) {
	defer func() { _ = recover() }() // there is nothing to log it with
	c := flb.FLBPluginGetContext(ctx).(*context)
	o := c.output
	c.output = nil
	C.free(ctx)
	o.Close()
	fluentbit.Collect()
}
