package collect

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/journal"
)

// asSystemd returns the pairs that Fluent Bit's systemd input makes of fields: in_systemd keeps a
// list of pairs; where a name comes again it removes the pair, and adds a list at the end.
func asSystemd(fields []journal.Field, lowercase, strip bool) (pairs [][2]any) {
	for _, f := range fields {
		name := string(f.Name)
		if strip {
			name = strings.TrimPrefix(name, "_")
		}
		if lowercase {
			name = strings.ToLower(name)
		}
		if name == "" {
			continue
		}
		i := slices.IndexFunc(pairs, func(p [2]any) bool { return p[0] == name })
		if i < 0 {
			pairs = append(pairs, [2]any{name, string(f.Value)})
			continue
		}
		switch old := pairs[i][1].(type) {
		case string:
			pairs = append(slices.Delete(pairs, i, i+1), [2]any{name, []any{old, string(f.Value)}})
		case []any:
			pairs[i][1] = append(old, string(f.Value))
		}
	}
	return pairs
}

// check compares what the encoder writes with what the systemd input would.
func check(t *testing.T, w *encoder, realtime uint64, fields []journal.Field) {
	t.Helper()
	var b event.Buffer
	reserved := 0
	b.Grow = func(old []byte, n int) ([]byte, bool) {
		reserved = n
		return append(make([]byte, 0, len(old)+n), old...), true
	}
	if !w.append(&b, realtime, fields) {
		t.Fatal("no memory")
	}
	if len(b.B) > reserved {
		t.Errorf("%d bytes, reserved %d", len(b.B), reserved)
	}
	want := asSystemd(fields, w.lowercase, w.strip)
	if got := pairs(t, b.B); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// pairs returns the pairs of a chunk's only event, in their order.
func pairs(t *testing.T, chunk []byte) (all [][2]any) {
	t.Helper()
	v, rest, ok := contract.ReadValue(chunk)
	if !ok || len(rest) > 0 {
		t.Fatalf("not one event: %x", chunk)
	}
	_, _, body, err := v.Parts()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(body.In); i += 2 {
		all = append(all, [2]any{body.In[i].Any(), body.In[i+1].Any()})
	}
	return all
}

func fieldsOf(pairs ...string) (fields []journal.Field) {
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		if name == "" {
			continue // the journal has none
		}
		fields = append(fields, journal.Field{Name: []byte(name), Value: []byte(value)})
	}
	return fields
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		w      encoder
		fields []journal.Field
	}{
		{encoder{}, nil},
		{encoder{}, fieldsOf("MESSAGE=x", "_PID=1", "PRIORITY=6")},
		{encoder{}, fieldsOf("A=1", "B=2", "A=3", "C=4", "A=5", "B=6", "A=")},
		{encoder{strip: true}, fieldsOf("PID=777", "_PID=778", "__X=1", "_=2")},
		{encoder{lowercase: true}, fieldsOf("Message=x", "MESSAGE=y", "_PID=1")},
		{encoder{lowercase: true, strip: true}, fieldsOf("_PID=1", "pid=2", "Pid=3")},
		{encoder{strip: true}, fieldsOf("_=no name", "A=1")},
		{encoder{}, fieldsOf("A="+strings.Repeat("x", 70000), "B="+strings.Repeat("y", 300))},
	} {
		check(t, &c.w, 1700000000123456, c.fields)
	}
}

// TestEncodeMany has all kinds of names, few and many, and one encoder for all of them.
func TestEncodeMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := &encoder{}
	for range 2000 {
		w.lowercase, w.strip = r.IntN(2) == 0, r.IntN(2) == 0
		n := r.IntN(30)
		if r.IntN(20) == 0 {
			n = 50 + r.IntN(300)
		}
		names := 1 + r.IntN(2*n+2)
		var fields []journal.Field
		for range n {
			name := fmt.Sprintf("%.*sN%d", r.IntN(3), "__", r.IntN(names))
			if r.IntN(4) == 0 {
				name = strings.ToLower(name)
			}
			fields = append(fields, journal.Field{Name: []byte(name), Value: bytes.Repeat([]byte{'v'}, r.IntN(40))})
		}
		check(t, w, 1, fields)
		if t.Failed() {
			return
		}
	}
}

// TestEncodeTime has times at the edges: two numbers of seconds are marks of Fluent Bit's.
func TestEncodeTime(t *testing.T) {
	for realtime, want := range map[uint64]string{
		0:                    "0.000000000",
		1700000000123456:     "1700000000.123456000",
		4294967293999999:     "4294967293.999999000",
		4294967294000001:     "4294967293.000001000",
		18446744073709551615: "4294967293.551615000",
	} {
		var b event.Buffer
		(&encoder{}).append(&b, realtime, nil)
		if got := contract.Events(t, b.B)[0].Time; got != want {
			t.Errorf("%d is %s, want %s", realtime, got, want)
		}
	}
}

func TestEncodeAllocations(t *testing.T) {
	w := &encoder{lowercase: true, strip: true}
	fields := fieldsOf("_BOOT_ID=1", "MESSAGE=x", "_PID=1", "PRIORITY=6", "SYSLOG_PID=1", "_UID=0", "_GID=0")
	b := event.Buffer{B: make([]byte, 0, 4096)}
	if n := testing.AllocsPerRun(100, func() { b.B = b.B[:0]; w.append(&b, 1, fields) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("MESSAGE=x\n_PID=1\nPID=2\n=\n_=x\nA\nA\nA", true, false)
	f.Add(strings.Repeat("A=1\nB=2\n", 40), false, true)
	f.Fuzz(func(t *testing.T, text string, lowercase, strip bool) {
		for _, c := range []byte(text) {
			if c >= 0x80 {
				t.Skip() // strings.ToLower of the oracle
			}
		}
		check(t, &encoder{lowercase: lowercase, strip: strip}, 1, fieldsOf(strings.Split(text, "\n")...))
	})
}

// BenchmarkEncode has the fields of an entry of the how-to's shape.
func BenchmarkEncode(b *testing.B) {
	w := &encoder{}
	fields := fieldsOf("_BOOT_ID=1", "_MACHINE_ID=2", "_HOSTNAME=n", "PRIORITY=7", "_UID=0", "_GID=0", "_SYSTEMD_SLICE=s", "_SELINUX_CONTEXT=k",
		"_CAP_EFFECTIVE=3fffffffff", "_TRANSPORT=syslog", "_SYSTEMD_CGROUP=/", "_SYSTEMD_UNIT=crio.service", "_SYSTEMD_INVOCATION_ID=9", "SYSLOG_IDENTIFIER=kata",
		"_COMM=c", "_EXE=/opt", "_CMDLINE="+strings.Repeat("x", 150), "SYSLOG_TIMESTAMP=t", "_PID=1", "SYSLOG_PID=1", "MESSAGE="+strings.Repeat("m", 335),
		"SYSLOG_RAW="+strings.Repeat("r", 380), "_SOURCE_REALTIME_TIMESTAMP=1714979688170481")
	buf := event.Buffer{B: make([]byte, 0, 4096)}
	b.ReportAllocs()
	for b.Loop() {
		buf.B = buf.B[:0]
		w.append(&buf, 1700000000123456, fields)
	}
}
