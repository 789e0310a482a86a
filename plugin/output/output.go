package main

// #cgo CFLAGS: -I${SRCDIR}/../../internal/fluentbit -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: ${SRCDIR}/exports.tbd
// #include <stdlib.h>
// #include "output.h"
import "C"

import (
	"unsafe"

	flb "github.com/fluent/fluent-bit-go/output"

	"github.com/kata-logs/fluent-bit-kata/internal/elastic"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/fluentbit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// output is one instance. It delivers the events of transformed chunks to a sink. Several
// workers may call it at once.
type output struct {
	*fluentbit.Instance
	parse bool
	sink  sink.Sink
	spare chan *scratch
}

// scratch is the Go memory of one flush.
type scratch struct {
	events  event.Buffer
	dropped []int
	chunk   sink.Chunk
}

// The memory that is kept for later flushes: for two workers at once, and up to a size, so
// that one large chunk does not occupy memory for good.
const (
	maxSpares = 2
	maxSpare  = 8 << 20
)

// context is the context of an instance in fluent-bit-go, which never frees it. It only refers
// to the instance, which can be freed.
type context struct{ output *output }

// kataOutputRegister registers the plugin.
//
//export kataOutputRegister
func kataOutputRegister(def unsafe.Pointer) C.int {
	return C.int(flb.FLBPluginRegister(def, "kata",
		"Parse the log records of Kata Containers and deliver them to Elasticsearch, OpenSearch, a file or standard output (version "+fluentbit.Version+")"))
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
	get := func(name string) (string, bool) {
		// fluent-bit-go cannot tell an empty value from an option that is not set.
		text := flb.FLBPluginConfigKey(plugin, name)
		return text, text != ""
	}
	opts := fluentbit.ParseOptions(log, options.OutputPlugin, get)
	if opts == nil {
		return flb.FLB_ERROR
	}
	fluentbit.WarnMisspelt(log, options.OutputPlugin, get)
	o := &output{parse: opts.Output.Parse, spare: make(chan *scratch, maxSpares)}
	meters, err := o.newSink(log, opts)
	if err != nil {
		fluentbit.LogErrors(log, err)
		return flb.FLB_ERROR
	}
	if opts.Output.Tune {
		o.tune(log, p, opts)
	}
	o.Instance = fluentbit.NewInstance(log, opts, name, C.kata_output_metrics(p), meters...)
	flb.FLBPluginSetContext(plugin, &context{o})
	return flb.FLB_OK
}

// newSink sets o.sink to the one that the options select, and returns its metrics.
func (o *output) newSink(log fluentbit.Logger, opts *options.Options) (meters []fluentbit.Meter, err error) {
	switch {
	case len(opts.Output.URLs) > 0:
		panicked := func(p any) { o.Panics.Recovered(log, p) }
		e, err := elastic.New(opts, fluentbit.Version, log, panicked)
		if err != nil {
			return nil, err
		}
		o.sink = e
		return []fluentbit.Meter{{Metrics: elastic.Metrics(), Numbers: e.Numbers}}, nil
	case opts.Output.File != "":
		o.sink, err = sink.NewFile(log, opts.Output.File)
		return nil, err
	}
	o.sink = sink.NewStdout(log)
	return nil, nil
}

// tune sets the instance's workers and retry_limit. Fluent Bit's defaults are 0, which means
// that a flush keeps Fluent Bit from doing anything else, and 1, after which a chunk is
// dropped. Lines are written by one worker, which keeps their order.
func (o *output) tune(log fluentbit.Logger, p *C.struct_kata_proxy_plugin, opts *options.Options) {
	workers := "1"
	if len(opts.Output.URLs) > 0 {
		workers = "2"
	}
	for _, pair := range [][2]string{{"workers", workers}, {"retry_limit", "no_limits"}} {
		name, value := C.CString(pair[0]), C.CString(pair[1])
		if C.kata_output_set(p, name, value) != 0 {
			log.Warnf("tune: %s %s cannot be set in this Fluent Bit; set it in the configuration", pair[0], pair[1])
		}
		C.free(unsafe.Pointer(name))
		C.free(unsafe.Pointer(value))
	}
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
	if !o.sink.Ready() {
		return flb.FLB_RETRY
	}
	var s *scratch
	select {
	case s = <-o.spare:
	default:
		s = new(scratch)
	}
	s.chunk = sink.Chunk{Tag: tag, Received: chunk}
	o.transform(s)
	err := o.sink.Deliver(&s.chunk)
	s.chunk = sink.Chunk{}
	if cap(s.events.B) <= maxSpare {
		select {
		case o.spare <- s:
		default:
		}
	}
	if err != nil {
		return flb.FLB_RETRY
	}
	return flb.FLB_OK
}

// transform sets the events to deliver: the transformed ones, in the scratch's memory, or the
// chunk itself if nothing changed, or after a panic.
func (o *output) transform(s *scratch) {
	c := &s.chunk
	c.Events = c.Received
	if !o.parse {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			o.Panics.Recovered(o.Log, p)
			c.Events, c.Dropped = c.Received, nil
		}
	}()
	if n := len(c.Received) + len(c.Received)/2; cap(s.events.B) < n {
		// At once: records get a third larger. A quarter more, so that few chunks that are a
		// little larger than those before make it grow.
		s.events.B = make([]byte, 0, n+n/4)
	}
	s.dropped = s.dropped[:0]
	s.events = event.Buffer{B: s.events.B[:0], Dropped: &s.dropped}
	if o.Process(c.Tag, c.Received, &s.events) == transform.Changed {
		c.Events, c.Dropped = s.events.B, s.dropped
	}
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
	o.sink.Close()
	o.Close()
	fluentbit.Collect()
}
