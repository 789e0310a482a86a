package parser

import (
	"testing"
)

// common are messages of every encoding as they come by the thousand.
var common = map[string]Message{
	"logfmt":    {Text: []byte(`time="2020-02-21T10:31:27.810781647Z" level=info msg="release sandbox" arch=amd64 command=state container=7cdd31660d8705facdadeb8598d2c0bd008e8142c54e3b3069abd392c8d58997 name=kata-runtime pid=14314 sandbox=1c3e77cad66aa2b6d8cc846f818370f79cb0104c0b840f67d0f502fd6562b68c source=virtcontainers subsystem=sandbox`), Origin: Kata},
	"spaced":    {Text: []byte(`time="2022-05-06T07:08:09.1Z" level=info msg="a \"b\"\n" name=containerd-shim-v2 pid=4242 sandbox=55bb sandboxes count=3 vm path=/run/vc/vm/55bb workload cpu=0.5`), Origin: Kata},
	"json":      {Text: []byte(`{"arch":"amd64","command":"kill","duration":1500000,"endpoint":{"EndpointProperties": {"Iface":{"Index":4,"MTU":1460}}},"level":"info","msg":"release \"sandbox\"","name":"kata-runtime","pid":4242,"time":"2024-05-06T07:08:09.75Z","x":null}`), Origin: Kata},
	"slog":      {Text: []byte(`{"msg":"resource clean up","level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","subsystem":"virt-container","pid":"4242","version":"0.1.0"}`), Origin: Other},
	"console":   {Text: []byte(consoleLine(`{"msg":"got \"uevent\" message","level":"INFO","ts":"2024-05-06T07:08:09.5021Z","pid":"144","name":"kata-agent","version":"0.1.0","subsystem":"uevent","source":"agent","uevent-seqnum":"17","sandbox":"x","zeta":"1"}`)), Origin: Kata},
	"kernel":    {Text: []byte(consoleLine("[    0.305113] systemd[1]: \x1b[0;32mx\x1b[0m")), Origin: Kata},
	"glued":     {Text: []byte(consoleLine(`{"msg":"x","level":"INFO"}[    1.122452] sd 0:0:0:0`)), Origin: Kata},
	"torn":      {Text: []byte(consoleLine(`{"msg":"got uevent mess[    8.181234] pci 0000:07:00.0: x`)), Origin: Kata},
	"proxy":     {Text: []byte(proxyLine(`time="2019-05-06T07:08:08.4Z" level=debug msg="new request" name=kata-agent pid=78 req="container_id:\"77aa\" " source=agent`)), Origin: Kata},
	"native":    nativeMessage("shim", "start to launch vm"),
	"agent":     nativeMessage("agent", `{"msg":"got uevent message","level":"INFO","ts":"2024-05-06T07:08:09.5021Z","pid":"144","source":"agent","uevent-seqnum":"17"}`),
	"vmconsole": nativeMessage("hypervisor", `vm console: "[\u{1b}[0;32m  OK  \u{1b}[0m] Reached target \"Multi\"."`),
	"terminal":  {Text: []byte("\x1b[33mWARN\x1b[0m[0000] Not running network checks as super user       \x1b[33march\x1b[0m=amd64 \x1b[33mpid\x1b[0m=4242"), Origin: Kata},
	"announce":  {Text: []byte(`announce: pid="1",name="kata-agent",version="1.9.9"`), Origin: Kata},
	"plain":     {Text: []byte("Failed to fire hook: write unixgram: message too long"), Origin: Kata},
	"bytes":     {Text: []byte("time=\"2022-05-06T07:08:09.1Z\" level=error msg=\"a\\xff\xffb\""), Origin: Kata},
	"another's": {Text: []byte("Started Session 4 of User root."), Origin: Other},
}

// TestNoAllocation: with its memory warm a Parser allocates nothing.
func TestNoAllocation(t *testing.T) {
	p := New(Config{})
	for name, m := range common {
		p.Parse(&m)
		if n := testing.AllocsPerRun(100, func() { p.Parse(&m) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	var d Logfmt
	for name, m := range common {
		read := func() {
			d.Reset(m.Text)
			for d.Next() {
				_, _ = d.Key(), d.Value()
			}
		}
		read()
		if n := testing.AllocsPerRun(100, read); n != 0 {
			t.Errorf("%s: %v allocations in Logfmt", name, n)
		}
	}
}
