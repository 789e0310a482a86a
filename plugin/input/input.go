package main

// #cgo CFLAGS: -I${SRCDIR}/../../internal/fluentbit -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: ${SRCDIR}/exports.tbd
// #include "input.h"
import "C"

import (
	"runtime/cgo"
	"time"
	"unsafe"

	flb "github.com/fluent/fluent-bit-go/input"

	"github.com/kata-logs/fluent-bit-kata/internal/collect"
	"github.com/kata-logs/fluent-bit-kata/internal/fluentbit"
	"github.com/kata-logs/fluent-bit-kata/internal/limit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// input is one instance. All of its functions are called on one thread.
type input struct {
	*fluentbit.Instance
	name     []byte // for the transformation the tag, which Fluent Bit does not tell
	reader   *collect.Collector
	handover collect.Handover
	maxBatch int

	entries memory // events of the journal's entries
	records memory // the events that replace them
	batch   []byte // one of the two, if Fluent Bit was given it and it is not known to be stored
	paused  bool
	warned  limit.Lines
}

// kataInputRegister registers the plugin.
//
//export kataInputRegister
func kataInputRegister(def unsafe.Pointer) C.int {
	return C.int(flb.FLBPluginRegister(def, "kata",
		"Read the log records of Kata Containers from the journal and parse them (version "+fluentbit.Version+")"))
}

// kataInputUnregister frees what kataInputRegister has allocated.
//
//export kataInputUnregister
func kataInputUnregister(def unsafe.Pointer) { flb.FLBPluginUnregister(def) }

// kataInputInit creates an instance and returns its handle, which is valid until kataInputExit.
// It returns 0 if the instance must not start, and logs the reason.
//
//export kataInputInit
func kataInputInit(plugin unsafe.Pointer) (handle C.uintptr_t) {
	p := (*C.struct_kata_proxy_plugin)(plugin)
	name := C.GoString(C.kata_input_name(p))
	log := fluentbit.NewLogger("input", name, int(C.kata_input_level(p)))
	defer func() {
		if p := recover(); p != nil {
			new(fluentbit.Guard).Recovered(log, p)
			handle = 0
		}
	}()
	get := func(name string) (string, bool) {
		// fluent-bit-go cannot tell an empty value from an option that is not set.
		text := flb.FLBPluginConfigKey(plugin, name)
		return text, text != ""
	}
	opts := fluentbit.ParseOptions(log, options.InputPlugin, get)
	if opts == nil {
		return 0
	}
	fluentbit.WarnMisspelt(log, options.InputPlugin, get)
	reader, err := collect.New(&opts.Input, log)
	if err != nil {
		fluentbit.LogErrors(log, err)
		return 0
	}
	metrics := C.kata_input_metrics(p)
	in := &input{
		name:     []byte(name),
		reader:   reader,
		maxBatch: opts.Input.MaxBatch,
		handover: collect.Handover{
			Counters: func() collect.Counters { return counters(metrics) },
			Now:      time.Now,
			Sleep:    time.Sleep,
		},
	}
	in.Instance = fluentbit.NewInstance(log, opts, name, metrics, fluentbit.Meter{Metrics: collect.Metrics(), Numbers: reader.Numbers})
	return C.uintptr_t(cgo.NewHandle(in))
}

// counters returns Fluent Bit's counters.
func counters(metrics unsafe.Pointer) collect.Counters {
	c := C.kata_input_count(metrics)
	return collect.Counters{
		Known: c.records >= 0, Taken: uint64(max(0, c.records)),
		Queues: c.queued >= 0 && c.failed >= 0, Queued: uint64(max(0, c.queued)), Failed: uint64(max(0, c.failed)),
	}
}

// kataInputCollect sets data and size to the next batch, if there is one. It stays valid until
// the next call.
//
//export kataInputCollect
func kataInputCollect(handle C.uintptr_t, data *unsafe.Pointer, size *C.size_t) {
	in := cgo.Handle(handle).Value().(*input)
	if batch := in.collect(); len(batch) > 0 {
		*data, *size = unsafe.Pointer(unsafe.SliceData(batch)), C.size_t(len(batch))
	}
}

// kataInputGiven is called after Fluent Bit has got the batch.
//
//export kataInputGiven
func kataInputGiven(handle C.uintptr_t) {
	in := cgo.Handle(handle).Value().(*input)
	defer in.recovered()
	if in.batch != nil && in.handover.Given() == collect.Stored {
		in.stored()
	}
}

// kataInputPause says whether Fluent Bit takes no records for now.
//
//export kataInputPause
func kataInputPause(handle C.uintptr_t, paused C.int) {
	cgo.Handle(handle).Value().(*input).paused = paused != 0
}

// kataInputExit ends an instance.
//
//export kataInputExit
func kataInputExit(handle C.uintptr_t) {
	h := cgo.Handle(handle)
	in := h.Value().(*input)
	h.Delete()
	in.exit()
	fluentbit.Collect()
}

// recovered recovers from a panic, which must not reach C.
func (in *input) recovered() {
	if p := recover(); p != nil {
		in.Panics.Recovered(in.Log, p)
	}
}

// collect returns the next batch. It returns nil if there is none, or if Fluent Bit has not stored
// the last one yet: so what is read again after an abrupt end is one batch at most.
func (in *input) collect() []byte {
	defer in.recovered()
	if in.batch != nil {
		switch in.handover.Progress(in.paused) {
		case collect.Waiting:
			return nil
		case collect.Refused:
			in.handover.Give()
			return in.batch
		}
		in.stored()
	}
	if in.paused {
		return nil
	}
	defer in.Report()
	// Several batches if the options drop all records of one.
	for start := time.Now(); time.Since(start) < time.Second/2; {
		if !in.read() {
			return nil
		}
		if in.batch = in.transform(); len(in.batch) > 0 {
			in.handover.Give()
			return in.batch
		}
		in.stored()
	}
	return nil
}

// read reads the next entries, and reports whether there are any. After a panic it goes on behind
// the last entry that was read whole.
func (in *input) read() (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			in.Panics.Recovered(in.Log, p)
			ok = len(in.entries.B) > 0
			if err := in.reader.Reopen(); err != nil {
				in.warn("cannot open the journal again", err)
			}
		}
	}()
	in.entries.reset()
	ok, err := in.reader.Read(&in.entries.Buffer)
	if err != nil {
		in.warn("the next entries are read later", err)
	}
	return ok
}

// transform returns the events that replace those of the entries: in the memory of records, or
// the same ones if nothing changed, or after a panic.
func (in *input) transform() (events []byte) {
	events = in.entries.B
	defer in.recovered()
	in.records.reset()
	in.records.Reserve(len(events) + len(events)/2) // at once: records get a third larger
	if in.Process(in.name, events, &in.records.Buffer) == transform.Changed {
		events = in.records.B
	}
	return events
}

// stored is called when the batch is in Fluent Bit's chunks: it keeps the position.
func (in *input) stored() {
	if err := in.reader.Save(); err != nil {
		in.warn("cannot keep the position", err)
	}
	// After a large one, as at a start, the memory is not kept for small ones.
	if len(in.entries.B) < in.maxBatch/4 {
		in.entries.trim(in.maxBatch / 4)
		in.records.trim(in.maxBatch / 2)
	}
	in.batch = nil
}

// exit ends the instance.
func (in *input) exit() {
	defer in.recovered()
	if in.batch != nil && in.handover.Taken() {
		in.stored()
	}
	in.reader.Close()
	in.Close()
	in.entries.free()
	in.records.free()
}

// warn logs an error, at most once a minute.
func (in *input) warn(what string, err error) {
	if held, due := in.warned.Due(time.Now()); due {
		in.Log.Warnf("%s: %v%s", what, err, held)
	}
}
