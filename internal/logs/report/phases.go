package report

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Phase is a step in the life of a sandbox, or of a container in it.
type Phase struct {
	Name      string
	Container bool // it comes once for each container
	Repeats   bool // it may come several times
	Ends      bool // the sandbox is at its end
	Marks     []Mark
}

// Mark is a message by which a phase is known: that it begins, as the message of a record of one
// of Kata's programs starts so.
type Mark struct {
	Message string // the start of the message, or all of it
	Whole   bool   // all of it
	Guest   bool   // an agent writes it, else the host
	Name    string // the record's field name, if it matters
	In      string // where in Kata's code it is written, with the versions that have it
}

// Phases has all phases in the order in which a sandbox goes through them. The messages were read
// in kata-containers at 7c6ba40 (2026-08-22, version 4.1) and in the archived repository runtime
// (versions 1.x).
var Phases = []Phase{
	{Name: "shim started", Marks: []Mark{
		{Message: "loaded configuration", Whole: true, In: "Go 1.x pkg/katautils/config.go; Go 2.x to 4.x src/runtime/pkg/katautils/config.go"},
		{Message: "start to run", Whole: true, In: "runtime-rs crates/shim/src/shim_run.rs"},
		{Message: "get config path", In: "runtime-rs crates/runtimes/src/manager.rs"},
	}},
	{Name: "network", Marks: []Mark{
		{Message: "Endpoints found after scan", Whole: true, In: "Go 1.x virtcontainers/network.go"},
		{Message: "endpoints found after scan", Whole: true, In: "Go 2.x to 4.x src/runtime/virtcontainers/network_linux.go"},
		{Message: "Attaching endpoint", Whole: true, In: "Go 1.x virtcontainers/network.go; Go 2.x to 4.x src/runtime/virtcontainers/network_linux.go"},
		{Message: "network info", In: "runtime-rs crates/resource/src/network/network_with_netns.rs"},
	}},
	{Name: "VMM started", Marks: []Mark{
		{Message: "Starting VM", Whole: true, In: "Go 1.x virtcontainers/sandbox.go; Go 2.x to 4.x src/runtime/virtcontainers/sandbox.go; runtime-rs crates/hypervisor/src/dragonball/inner.rs"},
		{Message: "start vm", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/sandbox.rs"},
	}},
	{Name: "VM started", Marks: []Mark{
		{Message: "VM started", Whole: true, In: "Go 1.x virtcontainers/sandbox.go; Go 2.x to 4.x src/runtime/virtcontainers/sandbox.go"},
		{Message: "vm started from template", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/sandbox.rs"},
		{Message: "try to connect agent server", In: "runtime-rs crates/agent/src/kata/mod.rs"},
	}},
	{Name: "agent announced", Marks: []Mark{
		{Message: "announce", Whole: true, Guest: true, In: "agent 1.x agent.go; agent 2.x to 4.x src/agent/src/main.rs"},
	}},
	{Name: "agent connected", Marks: []Mark{
		{Message: "Agent started in the sandbox", Whole: true, In: "Go 1.x virtcontainers/sandbox.go; Go 2.x to 4.x src/runtime/virtcontainers/sandbox.go"},
		{Message: "New client", Whole: true, In: "Go 1.x virtcontainers/kata_agent.go; Go 2.x to 4.x src/runtime/virtcontainers/kata_agent.go"},
		{Message: "oom watcher start", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/sandbox.rs"},
	}},
	{Name: "sandbox created", Marks: []Mark{
		{Message: "Sandbox is started", Whole: true, In: "Go 1.x virtcontainers/sandbox.go; Go 2.x to 4.x src/runtime/virtcontainers/sandbox.go"},
		{Message: "wait sandbox", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/sandbox.rs"},
	}},
	{Name: "container created", Container: true, Marks: []Mark{
		{Message: "created container!", Whole: true, Guest: true, In: "agent 2.x to 4.x src/agent/src/rpc.rs"},
		{Message: "Create() end", Whole: true, In: "Go 2.x to 4.x src/runtime/pkg/containerd-shim-v2/service.go"},
		{Message: "sending request", Whole: true, Name: "grpc.CreateContainerRequest", In: "Go 1.x virtcontainers/kata_agent.go; Go 2.x to 4.x src/runtime/virtcontainers/kata_agent.go"},
	}},
	{Name: "container started", Container: true, Marks: []Mark{
		{Message: "Container is started", Whole: true, In: "Go 1.x virtcontainers/sandbox.go; Go 2.x to 4.x src/runtime/virtcontainers/sandbox.go"},
		{Message: "start io and wait", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/container_manager/process.rs"},
	}},
	{Name: "exec", Container: true, Repeats: true, Marks: []Mark{
		{Message: "Exec() start", Whole: true, In: "Go 2.x to 4.x src/runtime/pkg/containerd-shim-v2/service.go"},
		{Message: "do_exec_process cid: ", Guest: true, In: "agent 2.x to 4.x src/agent/src/rpc.rs"},
	}},
	{Name: "stop", Marks: []Mark{
		{Message: "Stopping sandbox in the VM", Whole: true, In: "Go 1.x virtcontainers/sandbox.go; Go 2.x to 4.x src/runtime/virtcontainers/sandbox.go"},
		{Message: "begin stop sandbox", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/sandbox.rs"},
	}},
	{Name: "VM stopped", Ends: true, Marks: []Mark{
		{Message: "Stopping VM", Whole: true, In: "Go 1.x virtcontainers/sandbox.go; Go 2.x to 4.x src/runtime/virtcontainers/sandbox.go"},
		{Message: "sandbox stopped", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/sandbox.rs"},
	}},
	{Name: "deleted", Ends: true, Marks: []Mark{
		{Message: "Shutdown() start", Whole: true, In: "Go 2.x to 4.x src/runtime/pkg/containerd-shim-v2/service.go"},
		{Message: "resource clean up", Whole: true, In: "runtime-rs crates/runtimes/virt_container/src/sandbox.rs"},
	}},
}

// phaseOf returns the index of the phase that begins with a record, -1 if none does.
func phaseOf(n *choose.Names, r *record.Record) int {
	msg := r.Text(n.Msg)
	if len(msg) == 0 {
		return -1
	}
	guest := r.Bool(n.Guest)
	for i := range Phases {
		for j := range Phases[i].Marks {
			m := &Phases[i].Marks[j]
			if m.Guest == guest && bytes.HasPrefix(msg, []byte(m.Message)) && (!m.Whole || len(msg) == len(m.Message)) &&
				(m.Name == "" || string(r.Text(n.Name)) == m.Name) {
				return i
			}
		}
	}
	return -1
}
