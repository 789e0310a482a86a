package gen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file has what the programs on the host write.

// unit returns the systemd unit of the sandbox's manager.
func (g *Generator) unit(s *sandbox) string {
	if s.crio {
		return "crio.service"
	}
	return "containerd.service"
}

// manager returns containerd or CRI-O, whichever runs the sandbox.
func (g *Generator) manager(s *sandbox) program {
	if s.crio {
		return program{"crio", 871, "crio", "/usr/bin/crio", "/usr/bin/crio --log-level=debug", "crio.service", ""}
	}
	return program{"containerd", 870, "containerd", "/usr/bin/containerd", "/usr/bin/containerd --config /etc/containerd/config.toml", "containerd.service", ""}
}

// runtimeState adds what Kata's how-to shows: a record of kata-runtime 1.x under CRI-O.
func (g *Generator) runtimeState(s *sandbox) {
	container := pick(g, s.containers...)
	command := pick(g, "state", "state", "create", "start", "kill", "delete")
	f := fields{"arch": "amd64", "command": command, "container": container, "name": "kata-runtime", "pid": g.between(2000, 99999), "sandbox": s.id, "source": "virtcontainers", "subsystem": "sandbox"}
	p := program{
		identifier: "kata-runtime", pid: f["pid"].(int), comm: "kata-runtime", exe: "/opt/kata/bin/kata-runtime", unit: "crio.service",
		cmdline: "/opt/kata/bin/kata-runtime --config /opt/kata/share/defaults/kata-containers/configuration-qemu.toml --root /run/runc " + command + " " + container,
	}
	level := pick(g, "info", "info", "info", "info", "debug", "debug", "warning", "error")
	msg := pick(g, "release sandbox", "fetch sandbox", "loaded configuration", "container state loaded", "Sandbox is ready")
	if level == "error" {
		f["error"] = "open /run/vc/sbs/" + s.id[:8] + ": no such file or directory"
	}
	g.syslog(g.now, p, level, LogrusText(g.now, trimmed, level, msg, f))
}

// kata1 adds a record of Kata 1.x: of kata-runtime, or of the guest through kata-proxy or
// kata-shim.
func (g *Generator) kata1(s *sandbox) {
	proxy := program{"kata-proxy", s.shim, "kata-proxy", "/opt/kata/libexec/kata-containers/kata-proxy",
		"/opt/kata/libexec/kata-containers/kata-proxy -listen-socket unix:///run/vc/vm/" + s.id + "/proxy.sock -sandbox " + s.id, "crio.service", "1"}
	shim := program{"kata-shim", s.shim + 9, "kata-shim", "/opt/kata/libexec/kata-containers/kata-shim",
		"/opt/kata/libexec/kata-containers/kata-shim -agent unix:///run/vc/vm/" + s.id + "/proxy.sock", "crio.service", "1"}
	fromProxy := fields{"name": "kata-proxy", "pid": s.shim, "sandbox": s.id, "source": "agent"}
	switch n := g.rnd.IntN(100); {
	case n < 30:
		g.runtimeState(s)
	case n < 36:
		f := fields{"arch": "amd64", "arguments": fmt.Sprintf("%q", "state "+s.containers[0]), "command": "state", "commit": "0a1b2c3", "name": "kata-runtime", "pid": s.shim + 1, "source": "runtime", "version": "1.9.9"}
		g.syslog(g.now, program{"kata-runtime", s.shim + 1, "kata-runtime", "/opt/kata/bin/kata-runtime", "/opt/kata/bin/kata-runtime state " + s.containers[0], "crio.service", ""}, "info", LogrusText(g.now, trimmed, "info", "", f))
	case n < 70:
		g.syslog(g.now, proxy, "info", LogrusText(g.now, trimmed, "info", g.agentLine1(s)+"\n", fromProxy))
	case n < 86:
		g.syslog(g.now, proxy, "info", LogrusText(g.now, trimmed, "info", g.consoleText(s)+"\n", fromProxy))
	case n < 88:
		f := fromProxy.with(fields{"source": "proxy", "component": "yamux"})
		g.syslog(g.now, proxy, "info", LogrusText(g.now, trimmed, "info", g.now.Format("2006/01/02 15:04:05")+" [ERR] yamux: keepalive failed: EOF\n", f))
	case n < 90:
		g.syslog(g.now, program{"kata-netmon", s.shim + 5, "kata-netmon", "/opt/kata/libexec/kata-containers/kata-netmon", "kata-netmon -s " + s.id, "crio.service", "1"}, "debug",
			LogrusText(g.now, trimmed, "debug", "Handle link", fields{"interface": "eth0", "name": "kata-netmon", "pid": s.shim + 5, "source": "netmon"}))
	case n < 95:
		f := fields{"container": s.containers[0], "exec-id": s.containers[0], "name": "kata-shim", "pid": 1, "source": "agent"}
		g.syslog(g.now, shim, "info", LogrusText(g.now, trimmed, "info", g.agentLine1(s)+"\n", f))
	default:
		f := fields{"container": s.containers[0], "error": "write unix: EOF", "exec-id": s.containers[0], "name": "kata-shim", "pid": 1, "source": "shim"}
		g.syslog(g.now, shim, "warning", LogrusText(g.now, trimmed, "warning", "copy stdin failed", f))
	}
}

// goShim adds a line of containerd-shim-kata-v2 in Go twice: once through containerd or
// CRI-O and once by syslog.
func (g *Generator) goShim(s *sandbox) {
	f := fields{"name": "containerd-shim-v2", "pid": s.shim, "sandbox": s.id, "source": "virtcontainers"}
	add := func(more fields) { f = f.with(more) }
	console := func(text string) string {
		add(fields{"console-protocol": "unix", "console-url": "/run/vc/vm/" + s.id + "/console.sock", "subsystem": "sandbox", "vmconsole": text})
		return "reading guest console"
	}
	level, msg := "debug", ""
	switch n := g.rnd.IntN(100); {
	case n < 40:
		_, line := g.agentLine(s)
		msg = console(line)
	case n < 56:
		msg = console(g.consoleText(s))
	case n < 58:
		msg = console(fmt.Sprintf("cloud-hypervisor: %.6fs: <vmm> INFO:vmm/src/lib.rs:42 -- booting VM", g.now.Sub(s.booted).Seconds()))
	case n < 66:
		msg = "sending request"
		add(fields{"name": "grpc.CreateContainerRequest", "req": fmt.Sprintf("container_id:%q exec_id:%q OCI:<Version:\"1.0.2\" Process:<Args:\"sh\" >>", s.containers[0], s.containers[0]), "subsystem": "kata_agent"})
	case n < 72:
		level, msg = "info", "adding volume"
		add(fields{"subsystem": "qemu", "volume": "virtio-fs", "vm path": "/run/vc/vm/" + s.id[:8], "memory-sandbox-size-mb": 2048})
	case n < 76:
		level, msg = "error", "qemu-system-x86_64: something not supported"
		add(fields{"qemuPid": s.shim + 7, "source": "virtcontainers/hypervisor", "subsystem": "qemu"})
	case n < 79:
		level = "info"
		add(fields{"args": []string{"--syslog", "-o", "source=/x"}, "path": "/opt/kata/libexec/virtiofsd", "subsystem": "virtiofsd"})
	case n < 82:
		level, msg = "info", "["+g.now.Format("2006-01-02 15:04:05")+"] INFO blob cache ready\n"
		add(fields{"subsystem": "nydusd"})
	case n < 85:
		msg = fmt.Sprintf("launching /opt/kata/bin/qemu with: [-name sandbox-%s -uuid %s -machine q35,accel=kvm -cpu host -m 2048M,slots=10,maxmem=32G -device pci-bridge,bus=pcie.0,id=pci-bridge-0]", s.id, g.hex(32))
		add(fields{"subsystem": "qmp", "source": "virtcontainers/hypervisor"})
	case n < 88:
		level, msg = "info", "Publishing container exit status"
		add(fields{"container": s.containers[0], "exit-code": g.rnd.IntN(3), "source": "containerd-kata-shim-v2"})
	case n < 90:
		msg = "Endpoints found after scan"
		add(fields{"endpoints": struct {
			Name string
			MTU  int
		}{"eth0", 1460}, "subsystem": "network"})
	case n < 92:
		level, msg = "warning", "failed to ping agent"
		add(fields{"error": fmt.Errorf("rpc error: code = DeadlineExceeded desc = \"timed out\""), "source": "virtcontainers/monitor"})
	case n < 95:
		level, msg = "error", "forward event"
		f = fields{"error": "ttrpc: closed: unknown"}
	default:
		msg = pick(g, "wait for process", "State: container", "start stream copy", "check sandbox")
		add(fields{"container": pick(g, s.containers...), "subsystem": pick(g, "kata_agent", "sandbox", "filesystem share", "cloudHypervisor")})
	}
	if g.rnd.IntN(40) == 0 { // Kata 1.5 to 2.0
		delete(f, "name")
		delete(f, "pid")
		f["ID"] = s.id
	}
	shim := program{"kata", s.shim, "containerd-shim", "/opt/kata/bin/containerd-shim-kata-v2",
		"/opt/kata/bin/containerd-shim-kata-v2 -namespace k8s.io -address /run/containerd/containerd.sock -publish-binary /usr/bin/containerd -id " + s.id, g.unit(s), ""}
	g.syslog(g.now, shim, level, LogrusText(g.now, trimmed, level, msg, f))
	g.stdout(g.now, g.manager(s), LogrusText(g.now, nine, level, msg, f))
}

var slogLevels = []string{"INFO", "INFO", "INFO", "DEBG", "WARN", "ERRO"}

// rustJSON adds a record of runtime-rs up to 3.19: JSON through containerd.
func (g *Generator) rustJSON(s *sandbox) {
	keys := []string{"name", "kata-runtime", "source", s.id, "pid", strconv.Itoa(s.shim), "version", "0.1.0"}
	if g.rnd.IntN(2) == 0 {
		_, line := g.agentLine(s)
		g.stdout(g.now, g.manager(s), g.slogJSON(g.now, "INFO", line, append(keys, "subsystem", "agent")...))
		return
	}
	msg := pick(g, "resource clean up", "start virt container", "create container \""+s.containers[0]+"\"")
	keys = append(keys, "subsystem", pick(g, "virt-container", "hypervisor", "resource"), "mount-point", "/run/kata-containers/"+s.id[:8])
	g.stdout(g.now, g.manager(s), g.slogJSON(g.now, pick(g, slogLevels...), msg, keys...))
}

var nativePriorities = map[string]string{"CRIT": "2", "ERRO": "3", "WARN": "4", "INFO": "5", "DEBG": "6", "TRCE": "7"}

// rust adds a record of runtime-rs from 3.20 on: journal fields.
func (g *Generator) rust(s *sandbox) {
	at := g.now.Truncate(time.Microsecond)
	switch n := g.rnd.IntN(100); {
	case n < 45:
		level, line := g.agentLine(s)
		g.journal(at, s, nativePriorities[level], "agent", "agent", line)
	case n < 60:
		g.journal(at, s, "5", "hypervisor", "hypervisor", "vm console: "+rustDebug(g.consoleText(s)))
	case n < 63:
		g.journal(at, s, "5", "hypervisor", "hypervisor", "qemu stderr: "+rustDebug("qemu-system-x86_64: warning: \"x\" not supported"))
	case n < 65:
		g.journal(at, s, "3", "shim", "", "slog-async: logger dropped messages due to channel overflow", Pair{"COUNT", strconv.Itoa(g.between(1, 500))})
	case n < 70:
		g.journal(at, s, "5", "resource", "runtimes", "get config content TomlConfig { agent: {\"kata\": Agent { debug: true, "+strings.Repeat("kernel_modules: [], ", 60)+"} } }")
	default:
		g.journal(at, s, nativePriorities[pick(g, slogLevels...)], pick(g, "virt-container", "resource", "runtimes"), pick(g, "runtimes", "hypervisor"),
			pick(g, "start to launch vm", "handler message", "create share fs mount", "process io stream"),
			Pair{"MOUNT_POINT", "/run/kata-containers/shared/" + s.id[:8]}, Pair{"STREAM_ID", strconv.Itoa(g.rnd.IntN(9))})
	}
}

// other adds a record of another program, or of kata-monitor.
func (g *Generator) other() {
	s := pick(g, g.sandboxes...)
	switch g.rnd.IntN(7) {
	case 0:
		g.stdout(g.now, program{"nginx", 911, "nginx", "/usr/sbin/nginx", "nginx: worker process", "nginx.service", ""},
			fmt.Sprintf(`{"status":200,"path":"/api/%d","bytes":%d,"time":%q}`, g.rnd.IntN(99), g.rnd.IntN(9999), g.now.Format(trimmed)))
	case 1:
		g.stdout(g.now, program{"systemd", 1, "systemd", "/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd --switched-root", "init.scope", ""},
			fmt.Sprintf("Started Session %d of User root.", g.between(1, 999)))
	case 2:
		g.stdout(g.now, program{"kubelet", 899, "kubelet", "/usr/bin/kubelet", "/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml", "kubelet.service", ""},
			fmt.Sprintf(`I0506 07:08:09.123456     899 kubelet.go:2447] "SyncLoop (PLEG): event for pod" pod="shop/web-0" event={"ID":"0c1f","Type":"ContainerStarted","Data":%q}`, s.id))
	case 3:
		if s.crio {
			g.stdout(g.now, g.manager(s), LogrusText(g.now, crio130, "info", "Ran pod sandbox "+s.id+" with infra container: shop/web-0/POD", fields{"id": g.hex(8), "name": "/runtime.v1.RuntimeService/RunPodSandbox"}))
			return
		}
		g.stdout(g.now, g.manager(s), LogrusText(g.now, nine, "info", fmt.Sprintf("RunPodSandbox for &PodSandboxMetadata{Name:web-0,Uid:0c1f,Namespace:shop,Attempt:0,} returns sandbox id %q", s.id), nil))
	case 4:
		g.stdout(g.now, g.manager(s), LogrusJSON(g.now, nine, "info", "StopPodSandbox for \""+s.id+"\"", nil))
	case 5: // a service that runs kata-runtime check, on a console of its own
		g.stdout(g.now, program{"kata-runtime", 990, "kata-runtime", "/opt/kata/bin/kata-runtime", "/opt/kata/bin/kata-runtime check", "kata-check.service", ""},
			LogrusTerminal(g.rnd.IntN(60), "info", "CPU property found", fields{"arch": "amd64", "description": "Virtualization support", "name": "vmx", "type": "flag"}))
	default:
		g.stdout(g.now, program{"kata-monitor", 950, "kata-monitor", "/opt/kata/bin/kata-monitor", "/opt/kata/bin/kata-monitor -log-level debug", "kata-monitor.service", ""},
			LogrusText(g.now, trimmed, "debug", "Synced KATA POD "+s.id, fields{"cri-name": "web-0", "cri-namespace": "shop", "cri-uid": "0c1f", "name": "kata-monitor", "pid": 950, "source": "kata-monitor"}))
	}
}

// tail adds a line of one of kata-runtime's log files.
func (g *Generator) tail() {
	f := fields{"arch": "amd64", "command": "kill", "duration": time.Duration(g.between(1000, 9_000_000)), "name": "kata-runtime", "pid": g.between(2000, 99999), "source": "virtcontainers"}
	line := ""
	switch g.rnd.IntN(3) {
	case 0:
		line = LogrusText(g.now, seconds, "info", "release sandbox", f)
	case 1:
		f["endpoint"] = map[string]any{"EndpointProperties": map[string]any{"Iface": map[string]any{"Index": 4, "MTU": 1460, "Alias": ""}}}
		line = LogrusJSON(g.now, seconds, "info", "endpoint <unmarshalled>", f)
	default:
		line = LogrusTerminal(g.rnd.IntN(60), "warning", "Not running network checks as super user", fields{"arch": "amd64", "name": "kata-runtime", "source": "runtime"})
	}
	g.push(g.now, []Pair{{"log", line}})
}

// damage adds lines that did not arrive as they were written.
func (g *Generator) damage() {
	s := pick(g, g.sandboxes...)
	f := fields{"console-protocol": "unix", "console-url": "/run/vc/vm/" + s.id + "/console.sock", "name": "containerd-shim-v2", "pid": s.shim, "sandbox": s.id, "source": "virtcontainers", "subsystem": "sandbox"}
	shim := program{"kata", s.shim, "containerd-shim", "/opt/kata/bin/containerd-shim-kata-v2", "/opt/kata/bin/containerd-shim-kata-v2 -id " + s.id, g.unit(s), ""}
	console := func(text string) {
		g.syslog(g.now, shim, "debug", LogrusText(g.now, trimmed, "debug", "reading guest console", f.with(fields{"vmconsole": text})))
	}
	_, line := g.agentLine(s)
	kernel := g.stamp(s) + "sd 0:0:0:0: [sda] 20971520 512-byte logical blocks"
	half := g.between(1, len(line))
	for line[half]&0xc0 == 0x80 {
		half--
	}
	switch n := g.rnd.IntN(100); {
	case n < 20:
		console(line + kernel)
	case n < 40:
		console(kernel + " " + line)
	case n < 65:
		console(line[:half] + kernel)
		console(line[half:])
	case n < 75:
		console(line + line)
	case n < 85:
		g.stdout(g.now, g.manager(s), "Failed to fire hook: write unixgram: message too long")
		g.syslog(g.now, shim, "info", "goroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1d")
	case n < 98:
		whole := LogrusText(g.now, trimmed, "debug", "sending request", f.with(fields{"req": "raw \xff\xfe bytes \x00 nul \u200b"}))
		g.syslog(g.now, shim, "debug", whole[:len(whole)-g.between(1, 80)])
	default: // longer than a line of journald's
		const lineMax = 48 << 10
		long := LogrusText(g.now, nine, "debug", "get config content", f.with(fields{"config": strings.Repeat("AgentConfig { debug_console: false, log_level: \"debug\" }, ", 900)}))
		g.stdout(g.now, g.manager(s), long[:lineMax], Pair{"_LINE_BREAK", "line-max"})
		g.stdout(g.now, g.manager(s), long[lineMax:])
	}
}
