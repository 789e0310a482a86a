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
	Message    string // the start of the message, or all of it
	Whole      bool   // all of it
	Guest      bool   // an agent writes it, else the host
	Debug      bool   // it is written only if debugging is enabled
	Key, Value string // of a field that the record has to have, if it matters
	In         []Place
}

// Place is where a message is in Kata's code: the file, and the first and the last release that have it
// there, of those with a third number of 0.
type Place struct {
	Repository string // of github.com/kata-containers
	File       string
	From, To   string
}

// last is the last release that was read.
const (
	last  = "4.1.0"
	last1 = "1.12.0" // of the archived repositories runtime and agent
)

// Files of Kata's code.
const (
	sandboxGo  = "src/runtime/virtcontainers/sandbox.go"
	serviceGo  = "src/runtime/pkg/containerd-shim-v2/service.go"
	networkGo  = "src/runtime/virtcontainers/network.go"
	networkGo2 = "src/runtime/virtcontainers/network_linux.go"
	sandboxRs  = "src/runtime-rs/crates/runtimes/virt_container/src/sandbox.rs"
	processRs  = "src/runtime-rs/crates/runtimes/virt_container/src/container_manager/process.rs"
	rpcRs      = "src/agent/src/rpc.rs"
)

func kata(file, from, to string) Place     { return Place{"kata-containers", file, from, to} }
func runtime1(file, from, to string) Place { return Place{"runtime", file, from, to} }
func agent1(file string) Place             { return Place{"agent", file, "1.0.0", last1} }

// sandbox12 has a message in sandbox.go from a release of 1.x on, to the last one.
func sandbox12(from string) []Place {
	return []Place{runtime1("virtcontainers/sandbox.go", from, last1), kata(sandboxGo, "2.0.0", last)}
}

// Phases has all phases in the order in which a sandbox goes through them.
var Phases = []Phase{
	{Name: "shim started", Marks: []Mark{
		{Message: "loaded configuration", Whole: true, In: []Place{
			runtime1("cli/config.go", "1.1.0", "1.3.0"), runtime1("pkg/katautils/config.go", "1.4.0", last1), kata("src/runtime/pkg/katautils/config.go", "2.0.0", last),
		}},
		{Message: "start to run", Whole: true, In: []Place{kata("src/runtime-rs/crates/shim/src/shim_run.rs", "3.0.0", last)}},
		{Message: "get config path ", In: []Place{kata("src/runtime-rs/crates/runtimes/src/manager.rs", "3.0.0", last)}},
	}},
	{Name: "network", Marks: []Mark{
		{Message: "Endpoints found after scan", Whole: true, In: []Place{runtime1("virtcontainers/network.go", "1.4.0", last1), kata(networkGo, "2.0.0", "2.3.0")}},
		{Message: "endpoints found after scan", Whole: true, In: []Place{kata(networkGo2, "2.4.0", last)}},
		{Message: "Attaching endpoint", Whole: true, In: []Place{
			runtime1("virtcontainers/default_network.go", "1.4.0", "1.5.0"), runtime1("virtcontainers/network.go", "1.6.0", last1), kata(networkGo, "2.0.0", "2.3.0"), kata(networkGo2, "2.4.0", last),
		}},
		{Message: "network info ", In: []Place{kata("src/runtime-rs/crates/resource/src/network/network_with_netns.rs", "3.0.0", last)}},
	}},
	{Name: "VMM started", Marks: []Mark{
		{Message: "Starting VM", Whole: true, In: append(sandbox12("1.0.0"), kata("src/runtime-rs/crates/hypervisor/src/dragonball/inner.rs", "3.0.0", last))},
		{Message: "Starting QEMU VM", Whole: true, In: []Place{kata("src/runtime-rs/crates/hypervisor/src/qemu/inner.rs", "3.1.0", last)}},
	}},
	{Name: "VM started", Marks: []Mark{
		{Message: "VM started", Whole: true, In: sandbox12("1.0.0")},
		// It is written when the VMM has been called, not before.
		{Message: "start vm", Whole: true, In: []Place{kata(sandboxRs, "3.0.0", last)}},
		{Message: "vm started from template", Whole: true, In: []Place{kata(sandboxRs, "3.23.0", last)}},
		{Message: "try to connect agent server ", In: []Place{kata("src/runtime-rs/crates/agent/src/kata/mod.rs", "3.18.0", last)}},
	}},
	{Name: "agent announced", Marks: []Mark{
		{Message: "announce", Whole: true, Guest: true, In: []Place{agent1("agent.go"), kata("src/agent/src/main.rs", "2.0.0", last)}},
	}},
	{Name: "agent connected", Marks: []Mark{
		{Message: "Agent started in the sandbox", Whole: true, In: sandbox12("1.5.0")},
		{Message: "New client", Whole: true, In: []Place{runtime1("virtcontainers/kata_agent.go", "1.2.0", last1), kata("src/runtime/virtcontainers/kata_agent.go", "2.0.0", last)}},
		{Message: "oom watcher start", Whole: true, In: []Place{kata(sandboxRs, "3.0.0", last)}},
		{Message: "new request", Whole: true, Guest: true, Debug: true, Key: "request", Value: "/grpc.AgentService/CreateSandbox", In: []Place{agent1("agent.go")}},
	}},
	{Name: "sandbox created", Marks: []Mark{
		{Message: "Sandbox is started", Whole: true, In: sandbox12("1.0.0")},
		{Message: "wait sandbox", Whole: true, In: []Place{kata(sandboxRs, "3.14.0", last)}},
		{Message: "request end", Whole: true, Guest: true, Debug: true, Key: "request", Value: "/grpc.AgentService/CreateSandbox", In: []Place{agent1("agent.go")}},
	}},
	{Name: "container created", Container: true, Marks: []Mark{
		{Message: "created container!", Whole: true, Guest: true, In: []Place{kata(rpcRs, "2.0.0", last)}},
		{Message: "Create() end", Whole: true, Debug: true, In: []Place{kata(serviceGo, "2.3.0", last)}},
		{Message: "sending request", Whole: true, Debug: true, Key: "name", Value: "grpc.CreateContainerRequest", In: []Place{
			runtime1("virtcontainers/kata_agent.go", "1.2.0", last1), kata("src/runtime/virtcontainers/kata_agent.go", "2.0.0", last),
		}},
		{Message: "new request", Whole: true, Guest: true, Debug: true, Key: "request", Value: "/grpc.AgentService/CreateContainer", In: []Place{agent1("agent.go")}},
	}},
	{Name: "container started", Container: true, Marks: []Mark{
		{Message: "Container is started", Whole: true, In: sandbox12("1.7.0")},
		{Message: "start io and wait", Whole: true, In: []Place{kata(processRs, "3.0.0", last)}},
		{Message: "new request", Whole: true, Guest: true, Debug: true, Key: "request", Value: "/grpc.AgentService/StartContainer", In: []Place{agent1("agent.go")}},
	}},
	{Name: "exec", Container: true, Repeats: true, Marks: []Mark{
		{Message: "Exec() start", Whole: true, Debug: true, In: []Place{kata(serviceGo, "2.3.0", last)}},
		{Message: "do_exec_process cid: ", Guest: true, In: []Place{kata(rpcRs, "2.1.0", last)}},
		{Message: "new request", Whole: true, Guest: true, Debug: true, Key: "request", Value: "/grpc.AgentService/ExecProcess", In: []Place{agent1("agent.go")}},
	}},
	{Name: "stop", Marks: []Mark{
		{Message: "Stopping sandbox in the VM", Whole: true, In: sandbox12("1.5.0")},
		{Message: "begin stop sandbox", Whole: true, In: []Place{kata(sandboxRs, "3.0.0", last)}},
		{Message: "new request", Whole: true, Guest: true, Debug: true, Key: "request", Value: "/grpc.AgentService/DestroySandbox", In: []Place{agent1("agent.go")}},
	}},
	{Name: "VM stopped", Ends: true, Marks: []Mark{
		{Message: "Stopping VM", Whole: true, In: sandbox12("1.0.0")},
		{Message: "sandbox stopped", Whole: true, In: []Place{kata(sandboxRs, "3.8.0", last)}},
	}},
	{Name: "deleted", Ends: true, Marks: []Mark{
		{Message: "Shutdown() start", Whole: true, Debug: true, In: []Place{kata(serviceGo, "2.3.0", last)}},
		{Message: "resource clean up", Whole: true, In: []Place{kata(sandboxRs, "3.2.0", last)}},
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
				(m.Key == "" || string(r.Text(n.Prefix+m.Key)) == m.Value) {
				return i
			}
		}
	}
	return -1
}
