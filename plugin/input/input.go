package main

// #cgo CFLAGS: -I${SRCDIR}/../../internal/fluentbit -Wall -Wextra -fvisibility=hidden -fstack-protector-strong
// #cgo LDFLAGS: ${SRCDIR}/exports.tbd
// #include "input.h"
import "C"

import (
	"errors"
	"runtime/cgo"
	"time"
	"unsafe"

	flb "github.com/fluent/fluent-bit-go/input"

	"github.com/kata-logs/fluent-bit-kata/internal/collect"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
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

	entries event.Buffer // events of the journal's next entries
	batch   memory       // the events that replace them and those before
	given   bool         // Fluent Bit was given the batch, and it is not known to be stored
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
			Engine:   engine,
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

// engine returns what Fluent Bit's engine does.
func engine() collect.Engine {
	switch C.kata_input_engine() {
	case 0:
		return collect.Busy
	case 1:
		return collect.Idle
	}
	return collect.Unknown
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
	if in.given && in.handover.Given() == collect.Stored {
		in.stored()
	}
}

// kataInputPause says whether Fluent Bit takes no records for now.
//
//export kataInputPause
func kataInputPause(handle C.uintptr_t, paused C.int) {
	in := cgo.Handle(handle).Value().(*input)
	in.paused = paused != 0
	in.handover.Paused()
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

// The limits of one batch beside max_batch: how many bytes of entries are read before they are
// transformed, so that they are in the processor's cache, and how long reading goes on.
const (
	maxPiece = 256 << 10
	maxTime  = time.Second / 2
)

// collect returns the next batch. It returns nil if there is none, or if Fluent Bit has not stored
// the last one yet: so what is read again after an abrupt end is one batch at most.
func (in *input) collect() []byte {
	defer in.recovered()
	if in.given {
		switch in.handover.Progress(in.paused) {
		case collect.Waiting:
			return nil
		case collect.Refused:
			in.warn("a batch is given again", errNotTaken)
			in.handover.Give()
			return in.batch.B
		}
		in.stored()
	}
	if in.paused {
		return nil
	}
	defer in.Report()
	in.batch.reset()
	read := false
	for start := time.Now(); len(in.batch.B) < in.maxBatch && time.Since(start) < maxTime && in.piece(); {
		read = true
	}
	switch {
	case len(in.batch.B) > 0:
		in.given = true
		in.handover.Give()
	case read: // the options drop all records
		in.stored()
	}
	return in.batch.B
}

// piece reads the next entries, appends what replaces them to the batch, and reports whether there
// are any. Entries for which the batch has no memory stay for the next call.
func (in *input) piece() bool {
	if len(in.entries.B) == 0 && !in.read() {
		return false
	}
	if !in.transform() {
		in.warn("the next entries are given later", errNoMemory)
		return false
	}
	in.reader.Done()
	in.entries.B = in.entries.B[:0]
	if cap(in.entries.B) > 4*maxPiece {
		in.entries.B = nil
	}
	return true
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
	ok, err := in.reader.Read(&in.entries, min(maxPiece, in.maxBatch))
	if err != nil {
		in.warn("the next entries are read later", err)
	}
	return ok
}

var (
	errNoMemory = errors.New("no memory for the batch")
	errNotTaken = errors.New("Fluent Bit has not taken it, as its log says")
)

// transform appends the events that replace the entries to the batch: the entries themselves if
// nothing changes, or after a panic. It reports whether there was memory for them.
func (in *input) transform() bool {
	before := len(in.batch.B)
	changed := func() bool {
		defer in.recovered()
		return in.Process(in.name, in.entries.B, &in.batch.Buffer) == transform.Changed
	}()
	if changed {
		return true
	}
	in.batch.B = in.batch.B[:before]
	if !in.batch.Reserve(len(in.entries.B)) {
		return false
	}
	in.batch.B = append(in.batch.B, in.entries.B...)
	return true
}

// stored is called when the batch is in Fluent Bit's chunks: it keeps the position.
func (in *input) stored() {
	if err := in.reader.Save(); err != nil {
		in.warn("cannot keep the position", err)
	}
	// After a large one, as at a start, the memory is not kept for small ones.
	if len(in.batch.B) < in.maxBatch/4 {
		in.batch.trim(in.maxBatch / 2)
	}
	in.given = false
}

// exit ends the instance.
func (in *input) exit() {
	defer in.recovered()
	defer in.reader.Close() // also after a panic: it has the position's file in use
	if in.given && in.handover.Taken() {
		in.stored()
	}
	in.Close()
	in.batch.free()
}

// warn logs an error, at most once a minute.
func (in *input) warn(what string, err error) {
	if held, due := in.warned.Due(time.Now()); due {
		in.Log.Warnf("%s: %v%s", what, err, held)
	}
}
