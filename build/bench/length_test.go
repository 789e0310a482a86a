package bench

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// BenchmarkLength runs the whole filter over one record with a message of a given length. The
// cost per byte must not grow with the length.
func BenchmarkLength(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"100B", 100}, {"1KB", 1 << 10}, {"10KB", 10 << 10}, {"100KB", 100 << 10}, {"1MB", 1 << 20}} {
		var candidates []candidate
		for _, s := range commonShapes {
			candidates = append(candidates, candidate{s.name + "/" + size.name, filtering(record(s.message(size.n)))})
		}
		measure(b, size.n, "byte", candidates)
	}
}

// BenchmarkHostile is the same with messages that someone in a guest might write to use up the
// host's processor time.
func BenchmarkHostile(b *testing.B) {
	// The reference of the ratios: ordinary records, per byte of message.
	c := plain()
	bytes := 0
	for _, m := range c.messages {
		bytes += len(m)
	}
	measure(b, bytes, "byte", []candidate{{"how-to", filtering(c.chunk)}})

	const size = 100 << 10
	var candidates []candidate
	for _, s := range append(commonShapes[:1:1], hostileShapes...) {
		candidates = append(candidates, candidate{s.name, filtering(record(s.message(size)))})
	}
	measure(b, size, "byte", candidates)
}

// record returns a chunk with one record of Kata's with the given message.
func record(message string) []byte {
	r := gen.Record{Sec: 1_700_000_000, Fields: []gen.Pair{
		{Key: "_HOSTNAME", Value: "node-1"}, {Key: "SYSLOG_IDENTIFIER", Value: "kata"}, {Key: "MESSAGE", Value: message},
	}}
	return r.Append(nil)
}

// shape is a kind of message of any length: a text that is repeated between a start and an
// end. A %d in it is the number of the repetition.
type shape struct{ name, start, again, end string }

// message returns a message of size bytes.
func (s *shape) message(size int) string {
	var b bytes.Buffer
	b.WriteString(s.start)
	for i := 0; b.Len() < size-len(s.end); i++ {
		if strings.Contains(s.again, "%d") {
			fmt.Fprintf(&b, s.again, i)
		} else {
			b.WriteString(s.again)
		}
	}
	// Cut to the size, but not within a character.
	text := strings.ToValidUTF8(b.String()[:max(size-len(s.end), 0)], "?")
	if s.name == "bad-utf8" {
		text = b.String()[:size]
	}
	return text + s.end
}

const (
	head  = `time="2024-05-06T07:08:09.123456789Z" level=info `
	guest = head + `msg="reading guest console" sandbox=1c3e source=virtcontainers vmconsole="`
)

var commonShapes = []shape{
	{"pairs", head, `msg="release sandbox" arch=amd64 container=7cdd2c71a07a2d9cb2b8f1c2 name=kata-runtime pid=14314 source=virtcontainers `, ""},
	{"text", head + `msg="`, `launching qemu with: [-name sandbox-1c3e -machine q35,accel=kvm -device \"pci-bridge\"] `, `"`},
}

var hostileShapes = []shape{
	{"escapes", head + `msg="`, `\"`, `"`},
	{"hex-escapes", head + `msg="`, `\xc3\xa9`, `"`},
	{"bad-escapes", head + `msg="`, `\z\u12\xf`, `"`},
	{"unterminated", head + `msg="`, `\\`, ``},
	{"bad-utf8", head + `msg="`, "\xff\xc3", ``},
	{"equal-signs", head, `=`, ``},
	{"quotes", head, `"`, ``},
	{"blanks", head, ` `, ``},
	{"words", head, `a `, ``},
	{"tiny-pairs", head, `a=b `, ``},
	{"new-keys", head, `k%d=1 `, ``},
	{"empty-quotes", head, `a="" `, ``},
	{"trailing-text", head, `a="b"c `, ``},
	{"dots-in-keys", head, `a.b.c.d.e=1 `, ``},
	{"json-depth", ``, `{"a":`, ``},
	{"json-arrays", `{"level":"info","msg":"x","time":"2024-05-06T07:08:09Z","a":`, `[`, ``},
	{"json-members", `{"level":"info","msg":"x","time":"2024-05-06T07:08:09Z"`, `,"k%d":1`, `}`},
	{"json-escapes", `{"level":"info","time":"2024-05-06T07:08:09Z","msg":"`, `\u00e9`, `"}`},
	{"json-numbers", `{"level":"info","msg":"x","time":"2024-05-06T07:08:09Z","pid":1`, `0`, `}`},
	{"agent-json", guest + `{\"msg\":\"x\",\"level\":\"INFO\",\"ts\":\"2024-05-06T07:08:09Z\"`, `,\"k%d\":\"\\\"\"`, `}"`},
	{"agent-logfmt", guest + `time=\"2024-05-06T07:08:09Z\" level=info msg=x`, ` k%d=\"\\n\"`, `"`},
	{"agent-reserved", guest + `{\"msg\":\"x\",\"level\":\"INFO\",\"ts\":\"2024-05-06T07:08:09Z\"`, `,\"sandbox\":\"%d\"`, `}"`},
	{"console-ansi", guest, `\x1b[0m`, `"`},
	{"console-severities", guest, `err fai pan kernel `, `"`},
	{"console-unseen", guest, `\x1b[0m\r\x00x`, `"`},
	{"agent-codes", guest + `{\"msg\":\"x\",\"level\":\"INFO\",\"error\":\"`, `\\u001b[0mx`, `\"}"`},
	{"kernel-stamps", guest, `[    0.1] `, `"`},
	{"agent-and-stamps", guest + `time=\"2024-05-06T07:08:09Z\" level=info msg=x`, ` [    0.1`, `"`},
	{"half-agents", guest, `{\"msg\":\"`, `"`},
}
