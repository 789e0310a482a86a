package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// life makes the log of one sandbox, from its start to its end, as a generation of Kata's programs
// writes it.
type life struct {
	strings.Builder
	generation string
	at         time.Time
	booted     time.Time
}

const (
	lifeSandbox   = "7a01c5e2f8b94d3ea6c0174f2e9b8d5c3f6a1e0b4d7c2958ef13a60b7c4d2e91"
	lifeContainer = "c0ffee11f8b94d3ea6c0174f2e9b8d5c3f6a1e0b4d7c2958ef13a60b7c4d2e91"
)

// generations are those of which there are lives.
var generations = []string{"Go 1.x", "Go 3.x", "runtime-rs 3.10", "runtime-rs 4.1"}

// host adds a record of the runtime's.
func (l *life) host(after time.Duration, level, msg string, fields ...string) {
	l.at = l.at.Add(after)
	when := l.at.Format("2006-01-02T15:04:05.000000000Z")
	switch l.generation {
	case "Go 1.x", "Go 3.x":
		name := "containerd-shim-v2"
		if l.generation == "Go 1.x" {
			name = "kata-runtime"
		}
		text := fmt.Sprintf("time=%q level=%s msg=%q", when, level, msg)
		for _, f := range append(fields, "name="+name, "pid=4242", "sandbox="+lifeSandbox, "source=virtcontainers", "subsystem=sandbox") {
			key, value, _ := strings.Cut(f, "=")
			if strings.ContainsAny(value, ` ":{}[]`) {
				value = strconv.Quote(value)
			}
			text += " " + key + "=" + value
		}
		l.WriteString(text + "\n")
	case "runtime-rs 3.10":
		m := map[string]string{"level": map[string]string{"debug": "DEBG", "info": "INFO", "warning": "WARN", "error": "ERRO"}[level], "msg": msg, "ts": when,
			"name": "kata-runtime", "source": lifeSandbox, "subsystem": "virt-container", "pid": "4242", "version": "0.1.0"}
		for _, f := range fields {
			key, value, _ := strings.Cut(f, "=")
			m[key] = value
		}
		text, _ := json.Marshal(m)
		l.WriteString(string(text) + "\n")
	case "runtime-rs 4.1":
		priority := map[string]int{"debug": 6, "info": 5, "warning": 4, "error": 3}[level]
		_, _ = fmt.Fprintf(l, "__REALTIME_TIMESTAMP=%d\n_SOURCE_REALTIME_TIMESTAMP=%d\n_TRANSPORT=journal\nSYSLOG_IDENTIFIER=kata\nPRIORITY=%d\nNAME=kata-runtime\nSOURCE=%s\nSUBSYSTEM=virt-container\nPID=4242\n",
			l.at.UnixMicro(), l.at.UnixMicro(), priority, lifeSandbox)
		for _, f := range fields {
			key, value, _ := strings.Cut(f, "=")
			_, _ = fmt.Fprintf(l, "%s=%s\n", strings.ToUpper(strings.ReplaceAll(key, "-", "_")), value)
		}
		l.WriteString("MESSAGE=" + msg + "\n\n")
	}
}

// console adds a line of the guest's console.
func (l *life) console(after time.Duration, text string) {
	switch l.generation {
	case "Go 1.x":
		l.at = l.at.Add(after)
		_, _ = fmt.Fprintf(l, "time=%q level=info msg=%q name=kata-proxy pid=7 sandbox=%s source=agent\n", l.at.Format("2006-01-02T15:04:05.000000000Z"), text+"\n", lifeSandbox)
	case "Go 3.x":
		l.host(after, "debug", "reading guest console", "console-protocol=unix", "console-url=/run/vc/vm/"+lifeSandbox+"/console.sock", "vmconsole="+text)
	default:
		l.host(after, "info", "vm console: "+strconv.Quote(text))
	}
}

// kernel adds a line of the guest's kernel.
func (l *life) kernel(after time.Duration, text string) {
	l.console(after, fmt.Sprintf("[%12.6f] %s", l.at.Add(after).Sub(l.booted).Seconds(), text))
}

// agent adds a record of the agent's.
func (l *life) agent(after time.Duration, level, msg string, fields ...string) {
	when := l.at.Add(after - time.Millisecond/2).Format("2006-01-02T15:04:05.000000000Z")
	if l.generation == "Go 1.x" {
		text := fmt.Sprintf("time=%q level=%s msg=%q name=kata-agent pid=1 source=agent", when, level, msg)
		for _, f := range fields {
			key, value, _ := strings.Cut(f, "=")
			text += " " + key + "=" + strconv.Quote(value)
		}
		l.console(after, text)
		return
	}
	m := map[string]string{"level": map[string]string{"debug": "DEBG", "info": "INFO", "warning": "WARN", "error": "ERRO"}[level], "msg": msg, "ts": when,
		"name": "kata-agent", "source": "agent", "subsystem": "rpc", "pid": "1", "version": "0.1.0"}
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		m[key] = value
	}
	text, _ := json.Marshal(m)
	l.console(after, string(text))
}

// lifeOf returns the log of a sandbox.
func lifeOf(generation string) string {
	const ms = time.Millisecond
	l := &life{generation: generation, at: time.Date(2024, 5, 6, 7, 8, 9, 120_000_001, time.UTC)}
	container := "container=" + lifeContainer
	rs := strings.HasPrefix(generation, "runtime-rs")
	request := func(name string) string { return "request=/grpc.AgentService/" + name }
	req := `req=container_id:"` + lifeContainer + `" `
	if rs {
		l.host(0, "info", "start to run")
		l.host(3*ms, "info", `get config path "/opt/kata/share/defaults/kata-containers/configuration.toml"`)
		l.host(9*ms, "info", "network info NetworkInfo { }")
		l.host(31*ms, "info", "Starting QEMU VM")
	} else {
		l.host(0, "info", "loaded configuration", "format=TOML")
		l.host(9*ms, "warning", "VMM memory overcommit is not checked", "hypervisor=qemu")
		scan := "endpoints found after scan"
		if generation == "Go 1.x" {
			scan = "Endpoints found after scan"
		}
		l.host(4*ms, "info", scan, "endpoints=[]")
		l.host(8*ms, "info", "Attaching endpoint", "endpoint-type=virtual", "hotplug=false")
		l.host(31*ms, "info", "Starting VM")
	}
	l.booted = l.at.Add(80 * ms)
	for i, text := range []string{"Linux version 6.12.0", "Command line: tsc=reliable no_timer_check", "BIOS-provided physical RAM map:", "NX (Execute Disable) protection: active", "tsc: Detected 2445.404 MHz processor"} {
		l.kernel(time.Duration(90-i*12)*ms, text)
	}
	for i := range 40 {
		l.kernel(9*ms, fmt.Sprintf("pci 0000:00:%02x.0: [1af4:1041] type 00 class 0x020000", i))
	}
	l.kernel(90*ms, "systemd[1]: Detected virtualization kvm.")
	if rs {
		l.host(310*ms, "info", "start vm")
	} else {
		l.host(310*ms, "info", "VM started")
	}
	l.kernel(20*ms, "random: crng init done")
	l.agent(140*ms, "info", "announce", "agent-commit=3.10.0-0a1b")
	l.agent(4*ms, "warning", "device not found, waiting", "device=0000:01:00.0")
	switch {
	case rs:
		l.host(9*ms, "info", "oom watcher start")
		l.host(5*ms, "info", "wait sandbox")
		l.agent(30*ms, "info", "created container!")
		l.host(20*ms, "info", "start io and wait", "container-id="+lifeContainer)
	case generation == "Go 1.x":
		l.host(9*ms, "info", "New client", "proxy=7", "url=unix:///run/vc/sbs/proxy.sock")
		l.host(2*ms, "info", "Agent started in the sandbox")
		l.agent(5*ms, "debug", "new request", request("CreateSandbox"), "req=hostname:\"web-0\" ")
		l.agent(25*ms, "debug", "request end", request("CreateSandbox"), "duration=24ms")
		l.agent(3*ms, "debug", "new request", request("CreateContainer"), req)
		l.agent(33*ms, "debug", "new request", request("StartContainer"), req)
		l.host(2*ms, "info", "Sandbox is started")
	default:
		l.host(9*ms, "info", "New client", "url=vsock://3:1024")
		l.host(2*ms, "info", "Agent started in the sandbox")
		l.host(30*ms, "info", "Sandbox is started")
		l.agent(12*ms, "info", "created container!")
		l.host(25*ms, "info", "Container is started", container)
	}
	for i := range 120 {
		l.kernel(2311*ms, fmt.Sprintf("audit: type=1400 audit(1714979290.1:%d): apparmor=\"ALLOWED\"", i))
		if i == 60 {
			l.kernel(7*ms, "Out of memory: Killed process 77 (worker) total-vm:131072kB")
			l.agent(9*ms, "error", "container process exited", "error=<img src=x onerror=alert(1)> \x1b[31mred\x1b[0m")
		}
		if i == 80 {
			switch {
			case generation == "Go 1.x":
				l.agent(5*ms, "debug", "new request", request("ExecProcess"), req)
			case rs:
				l.agent(5*ms, "info", "do_exec_process cid: "+lifeContainer+" eid: 1")
			default:
				l.host(5*ms, "debug", "Exec() start", container)
			}
		}
	}
	if rs {
		l.host(900*ms, "info", "begin stop sandbox")
		l.host(120*ms, "info", "sandbox stopped")
		l.host(60*ms, "info", "resource clean up")
	} else {
		l.host(900*ms, "info", "Stopping sandbox in the VM")
		l.host(120*ms, "info", "Stopping VM")
		if generation == "Go 3.x" {
			l.host(60*ms, "debug", "Shutdown() start", container)
		}
		l.host(20*ms, "info", "cleanup done")
	}
	return l.String()
}

// TestLives checks the phases of a sandbox of each generation.
func TestLives(t *testing.T) {
	all := []string{
		"shim started", "network", "VMM started", "VM started", "agent announced", "agent connected", "sandbox created", "container created", "container started", "exec", "stop", "VM stopped", "deleted",
	}
	for _, generation := range generations {
		log := write(t, "log", lifeOf(generation))
		args := []string{"timeline", "-o", "json", "--no-node", lifeSandbox[:12], log}
		if generation == "runtime-rs 3.10" { // as it is in containerd's journal stream
			log = write(t, "log", strings.ReplaceAll("\n"+lifeOf(generation), "\n{", "\nMay 06 07:08:09 node-1 containerd[871]: {"))
			args[len(args)-1] = log
		}
		r := runWith(t, "", args...)
		var got struct {
			Steps []struct {
				Phase, Container string
				Guest            bool
				Records          uint64
			} `json:"steps"`
		}
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Errorf("%s: %v %s", generation, err, r.stderr)
			continue
		}
		want := all
		if generation == "Go 1.x" { // its last message is that of the VM
			want = all[:len(all)-1]
		}
		var phases []string
		for _, s := range got.Steps {
			phases = append(phases, s.Phase)
			// The agent since 2.0 does not say which container it has created.
			if known := s.Phase == "container started" || s.Phase == "container created" && generation == "Go 1.x"; known && s.Container != lifeContainer {
				t.Errorf("%s: %s is of container %q", generation, s.Phase, s.Container)
			}
			if guest := s.Phase == "agent announced"; guest && !s.Guest || s.Records == 0 {
				t.Errorf("%s: %+v", generation, s)
			}
		}
		if !slices.Equal(phases, want) {
			t.Errorf("%s: %q, want %q", generation, phases, want)
		}
	}
}
