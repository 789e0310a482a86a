package gen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file has what is written inside a guest.

// agentLine returns a record of the agent in Rust, and its level.
func (g *Generator) agentLine(s *sandbox) (level, line string) {
	at := g.now.Add(-time.Duration(g.between(100_000, 900_000_000)))
	container := pick(g, s.containers...)
	keys := []string{"name", "kata-agent", "source", "agent", "version", "0.1.0", "pid", strconv.Itoa(s.agent)}
	add := func(subsystem string, more ...string) { keys = append(append(keys, "subsystem", subsystem), more...) }
	var msg string
	level = pick(g, "INFO", "INFO", "INFO", "DEBG", "DEBG", "WARN")
	switch g.rnd.IntN(9) {
	case 0:
		msg = "got uevent message"
		s.seqnum++
		add("uevent", "uevent-seqnum", strconv.Itoa(1400+s.seqnum), "action", "add", "devpath", "/devices/pci0000:00/0000:00:07.0")
	case 1:
		msg = "mounting storage"
		add("baremount", "mount-source", "kataShared", "mount-destination", "/run/kata-containers/shared/containers",
			"mount-fstype", "virtiofs", "mount-options", "", "storage-driver", "virtio-fs")
	case 2:
		msg = "exec process"
		add("rpc", "container-id", container, "exec-id", g.hex(64))
	case 3:
		msg = "rpc call from shim to agent: \"create_container\""
		level = "DEBG"
		add("rpc", "req", fmt.Sprintf(`CreateContainerRequest { container_id: %q, exec_id: %q, OCI: Spec { version: "1.0.2" } }`, container, container))
	case 4:
		msg = "child exited"
		add("signals", "child-pid", strconv.Itoa(g.between(80, 400)), "status", "0", "action", "child process log", "module", "rustjail", "cid", container)
	case 5:
		msg = "updated device \\ path <\u00e9>\n"
		add("storage", "pci-path", "02/01", "count", strconv.Itoa(g.rnd.IntN(9)))
	case 6:
		level = "ERRO"
		msg = "failed to read /proc/\x1b[1mx\x1b[0m: No such file or directory (os error 2)"
		add("image", "error", "ENOENT: No such file or directory", "attempt number", "3")
	case 7:
		msg = "signal process"
		add("rpc", "container_id", container, "exec_id", container, "signal", "15", "sandbox", s.id)
	default:
		msg = pick(g, "handling signal", "received signal", "get guest details!", "cgroup already exists", "online CPU")
		add(pick(g, "root", "rpc", "signals", "container"), "logger", "agent")
	}
	return level, g.slogJSON(at, level, msg, keys...)
}

// agentLine1 returns a record of the agent in Go.
func (g *Generator) agentLine1(s *sandbox) string {
	at := g.now.Add(-time.Duration(g.between(100_000, 900_000_000)))
	f := fields{"name": "kata-agent", "pid": s.agent, "source": "agent", "debug_console": false, "sandbox": s.id}
	container := pick(g, s.containers...)
	switch g.rnd.IntN(5) {
	case 0:
		return LogrusText(at, trimmed, "debug", "request end", f.with(fields{
			"duration": (time.Duration(g.between(1000, 90_000_000))).String(), "request": "/grpc.AgentService/OnlineCPUMem", "resp": "&Empty{}",
		}))
	case 1:
		return LogrusText(at, trimmed, "debug", "", f.with(fields{
			"request": "/grpc.AgentService/StartContainer", "req": fmt.Sprintf("container_id:%q exec_id:%q ", container, container),
		}))
	case 2:
		return LogrusText(at, trimmed, "debug", "log pipe has been closed: EOF", nil)
	case 3:
		return LogrusText(at, trimmed, "info", "ignoring unexpected signal", f.with(fields{"signal": "child exited", "container": container}))
	}
	return LogrusText(at, trimmed, "warning", "Could not read the file \"x\"", f.with(fields{"error": fmt.Errorf("open /x: no such file"), "subsystem": "udevlistener"}))
}

// consoleText returns a line of the guest's kernel, systemd or other programs.
func (g *Generator) consoleText(s *sandbox) string {
	stamp := g.stamp(s)
	switch g.rnd.IntN(8) {
	case 0:
		return "[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mKata Containers Agent\x1b[0m.\r"
	case 1:
		return stamp + "systemd[1]: unit_file_build_name_map: normal unit file: /usr/lib/systemd/system/system-systemd\\x2dcryptsetup.slice"
	case 2:
		return "\x1b[31mFATA\x1b[0m[0002] Error parsing image name \"docker://x\": time=\"x\""
	case 3:
		return "bash-5.1# \x1b[?2004h"
	case 4:
		return ""
	case 5:
		return stamp + "EXT4-fs (pmem0p1): mounted filesystem with ordered data mode. Opts: (null)"
	case 6:
		return strings.TrimSuffix(stamp, " ") + "[    T1] Run /usr/lib/systemd/systemd as init process"
	}
	return stamp + fmt.Sprintf("pci 0000:%02x:00.0: [1af4:1041] type 00 class 0x020000", g.rnd.IntN(32))
}

// stamp returns a kernel's time stamp and a blank.
func (g *Generator) stamp(s *sandbox) string {
	return fmt.Sprintf("[%12.6f] ", g.now.Sub(s.booted).Seconds())
}
