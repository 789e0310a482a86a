package gen

import (
	"fmt"
	"strconv"
	"time"
)

// program is a process that writes journal entries.
type program struct {
	identifier string
	pid        int
	comm, exe  string
	cmdline    string
	unit       string
	facility   string // SYSLOG_FACILITY, left out when empty
}

// priorities are those of logrus's syslog hook.
var priorities = map[string]string{"panic": "2", "fatal": "2", "error": "3", "warning": "4", "info": "6", "debug": "7", "trace": "7"}

// push adds a record to the queue.
func (g *Generator) push(at time.Time, f []Pair) {
	g.queue = append(g.queue, Record{Fields: f, Sec: uint32(at.Unix()), Nsec: uint32(at.Nanosecond())})
}

// process returns the fields that journald adds to an entry, in the order of the systemd
// input.
func (g *Generator) process(p program, priority, transport string) []Pair {
	slice := "system.slice"
	return []Pair{
		{"_BOOT_ID", g.boot},
		{"_MACHINE_ID", g.machine},
		{"_HOSTNAME", "node-1"},
		{"PRIORITY", priority},
		{"_UID", "0"},
		{"_GID", "0"},
		{"_SYSTEMD_SLICE", slice},
		{"_SELINUX_CONTEXT", "kernel"},
		{"_CAP_EFFECTIVE", "3fffffffff"},
		{"_TRANSPORT", transport},
		{"_SYSTEMD_CGROUP", "/" + slice + "/" + p.unit},
		{"_SYSTEMD_UNIT", p.unit},
		{"_SYSTEMD_INVOCATION_ID", g.machine[16:] + g.boot[16:]},
		{"SYSLOG_IDENTIFIER", p.identifier},
		{"_COMM", p.comm},
		{"_EXE", p.exe},
		{"_CMDLINE", p.cmdline},
		{"_PID", strconv.Itoa(p.pid)},
	}
}

// syslog adds an entry that came as a datagram. Go's syslog client ends each with
// a newline, so journald keeps the datagram as well.
func (g *Generator) syslog(at time.Time, p program, level, message string) {
	priority := priorities[level]
	received := at.Add(time.Duration(g.between(20_000, 400_000)))
	stamp := received.Format("Jan _2 15:04:05 ")
	f := g.process(p, priority, "syslog")
	if p.facility != "" {
		f = append(f, Pair{"SYSLOG_FACILITY", p.facility})
	}
	facility, _ := strconv.Atoi(p.facility)
	severity, _ := strconv.Atoi(priority)
	f = append(f,
		Pair{"SYSLOG_TIMESTAMP", stamp},
		Pair{"SYSLOG_PID", strconv.Itoa(p.pid)},
		Pair{"MESSAGE", message},
		Pair{"SYSLOG_RAW", fmt.Sprintf("<%d>%s%s[%d]: %s\n", 8*facility+severity, stamp, p.identifier, p.pid, message)},
		realtime(received),
	)
	g.push(received, f)
}

// stdout adds an entry that came through a service's standard output or error.
func (g *Generator) stdout(at time.Time, p program, message string, more ...Pair) {
	received := at.Add(time.Duration(g.between(50_000, 3_000_000)))
	f := append(g.process(p, "6", "stdout"), Pair{"SYSLOG_FACILITY", "3"}, Pair{"_STREAM_ID", g.machine[:16] + g.boot[:16]})
	f = append(append(f, more...), Pair{"MESSAGE", message})
	g.push(received, f)
}

// journal adds an entry of runtime-rs, which was sent by journald's own protocol.
func (g *Generator) journal(at time.Time, s *sandbox, priority, subsystem, component, message string, call ...Pair) {
	f := g.process(program{
		identifier: "kata", pid: s.shim, comm: "containerd-shim", exe: "/opt/kata/bin/containerd-shim-kata-v2",
		cmdline: "/opt/kata/bin/containerd-shim-kata-v2 -namespace k8s.io -address /run/containerd/containerd.sock -id " + s.id,
		unit:    "containerd.service",
	}, priority, "journal")
	f = append(f,
		Pair{"MESSAGE", message},
		Pair{"CODE_FILE", "src/libs/logging/src/lib.rs"},
		Pair{"CODE_LINE", "303"},
		Pair{"CODE_MODULE", "logging"},
		Pair{"CODE_FUNCTION", ""},
		Pair{"VERSION", "0.1.0"},
		Pair{"PID", strconv.Itoa(s.shim)},
		Pair{"NAME", "kata-runtime"},
		Pair{"SOURCE", s.id},
		Pair{"SUBSYSTEM", subsystem},
	)
	if component != "" {
		f = append(f, Pair{"COMPONENT", component})
	}
	f = append(f, call...)
	g.push(at, append(f, realtime(at)))
}

func realtime(at time.Time) Pair {
	return Pair{"_SOURCE_REALTIME_TIMESTAMP", strconv.FormatInt(at.UnixMicro(), 10)}
}
