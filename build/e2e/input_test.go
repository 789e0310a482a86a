//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// Parts of configurations with the input kata.
const (
	inputService = `
[SERVICE]
    Flush         0.1
    Plugins_File  input.conf
    Hot_Reload    On
    storage.path  storage
    scheduler.base  1
    scheduler.cap   1
`
	inputKata = `
[INPUT]
    Name            kata
    Tag             kata
    Path            ${JOURNAL}
    Systemd_Filter  all
`
)

// TestInputRecords compares what the input kata gives with what Fluent Bit's own input systemd
// and the filter kata give: the same events in the same order, with the same times, keys, types
// and values.
func TestInputRecords(t *testing.T) {
	t.Parallel()
	type settings map[string]string
	for _, j := range inputJournals(t) {
		sets := []struct{ journal, plugin settings }{{nil, j.options}}
		switch {
		case j.options != nil:
		case !j.all:
			sets[0].plugin = settings{"max_batch": "256k"} // cut lines go on in the next batch, too
		default:
			sets = append(sets, []struct{ journal, plugin settings }{
				{settings{"lowercase": "on"}, nil},
				{settings{"strip_underscores": "on"}, settings{"prefix": "k."}},
				{settings{"lowercase": "on", "strip_underscores": "on"}, settings{"nest_under": "kata", "types": "string"}},
				{nil, settings{"min_level": "warning", "reserve_data": "off", "preserve_key": "off"}},
				{nil, settings{"duplicates": "drop", "nested": "keep", "prefix": "vm_"}},
				{settings{"threaded": "off"}, nil},
			}...)
		}
		for _, set := range sets {
			plugin := func(but string) string {
				s := settings{}
				for name, value := range set.plugin {
					if name != but {
						s[name] = value
					}
				}
				return strings.Join(optionLines(s, "    ", "  "), "\n") + "\n"
			}
			inputs := strings.Join(optionLines(set.journal, "    ", "  "), "\n") + "\n"
			t.Run(fmt.Sprint(j.name, " ", set.journal, set.plugin), func(t *testing.T) {
				t.Parallel()
				if j.name == "clocks" && isVersion(t, "v3.") {
					t.Skip("the output forward of Fluent Bit 3 cannot write these times")
				}
				v := func() vars { return vars{"JOURNAL": j.dir} }
				want := untilLast(t, "fluent-bit.conf", classicService+classicJournal+inputs+classicFilter+plugin("max_batch")+classicForward, v())
				got := untilLast(t, "fluent-bit.conf", inputService+inputKata+inputs+plugin("")+classicForward, v())
				sameEvents(t, got, want)
				if len(want) < j.least && set.plugin["min_level"] == "" {
					t.Errorf("%d events", len(want))
				}
			})
		}
	}
}

// orderField is a field of the entries of large journals: Fluent Bit's output forward may send
// chunks in another order.
const orderField = "E2E_ORDER"

// sameEvents fails the test unless both are the same.
func sameEvents(t *testing.T, got, want []event) {
	t.Helper()
	for _, events := range [][]event{got, want} {
		slices.SortStableFunc(events, func(a, b event) int {
			first, _ := a.body[orderField].(string)
			second, _ := b.body[orderField].(string)
			return strings.Compare(first, second)
		})
	}
	for i := range min(len(got), len(want)) {
		if g, w := got[i], want[i]; g.tag != w.tag || g.time != w.time || !slices.Equal(g.keys, w.keys) || !reflect.DeepEqual(g.body, w.body) {
			t.Fatalf("event %d:\n%s %s %.3000v\nwant\n%s %s %.3000v", i, g.time, g.keys, g.body, w.time, w.keys, w.body)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d events, want %d", len(got), len(want))
	}
}

// inputJournal is a journal whose last entry is that of appendLast.
type inputJournal struct {
	name, dir string
	options   map[string]string // of the plugin, if it is for these only
	all       bool              // it is for all combinations of options
	least     int               // at least so many events
}

// inputJournals returns the journals of all corpora, and some of generated nodes.
func inputJournals(t *testing.T) (all []inputJournal) {
	t.Helper()
	add := func(name string, least int, export []byte) {
		all = append(all, inputJournal{name: name, least: least, all: !strings.HasPrefix(name, "node"), dir: journal(t, appendLast(export, 1900000000e6))})
	}

	cases := contractCases(t)
	var export []byte
	for _, c := range cases {
		export = appendExport(export, c.usec, c.Record)
	}
	add("contract", len(cases), export)

	for _, g := range realGroups(contract.LoadReal(t)) {
		dir, _ := g.journal(t)
		j := inputJournal{name: "real " + g.name, dir: dir, options: g.options}
		if j.options == nil {
			j.options = map[string]string{}
		}
		all = append(all, j)
	}

	add("edges", 10, read(t, "testdata/corpus/journald-edges.export"))
	add("fields", 8, oddEntries())
	examples, err := filepath.Glob(abs(t, "examples/*/input.export"))
	if err != nil || len(examples) < 5 {
		t.Fatal(examples, err)
	}
	export = nil
	for _, path := range examples {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		export = append(append(export, bytes.TrimRight(text, "\n")...), "\n\n"...)
	}
	add("examples", len(examples), export)

	export = nil
	// Up to the last second that is not a mark of Fluent Bit's; the input gives later ones that time.
	for i, at := range []int64{1582281087, 1582281000, 4102444800, 1, 1582281099, 4294967293, 1582281100} {
		export = append(export, fmt.Sprintf("__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\nSYSLOG_IDENTIFIER=kata\nMESSAGE=entry %d\n\n", at*1e6+int64(i), 1000+i%3, i/3+1, i)...)
	}
	add("clocks", 7, export)

	// Files of older forms, all in one directory.
	dir := journal(t, appendLast(nil, 1900000000e6))
	files, err := filepath.Glob(abs(t, "testdata/journal/*.journal"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		write(t, filepath.Join(dir, filepath.Base(path)), string(read(t, filepath.Join("testdata/journal", filepath.Base(path)))))
	}
	all = append(all, inputJournal{name: "forms", dir: dir, least: 100, all: true})

	for seed := range uint64(3) {
		g, export := gen.New(seed+1, 20), []byte(nil)
		const n = 1200
		for i := range n {
			r := g.Record()
			r.Fields = append(r.Fields, gen.Pair{Key: orderField, Value: fmt.Sprintf("%06d", i)})
			export = r.AppendExport(export)
		}
		add(fmt.Sprint("node ", seed+1), n*9/10, export) // times of some go back: journald does not mind
	}
	return all
}

// oddEntries returns entries with what an entry may have besides text: fields that come several
// times, empty and binary ones, long ones, and many.
func oddEntries() (b []byte) {
	entry := func(fields ...string) {
		at := journalStart + int64(len(b))
		b = fmt.Appendf(b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%[1]d\n_BOOT_ID=%s\n", at, bootID)
		for i := 0; i < len(fields); i += 2 {
			n := len(fields[i+1])
			b = fmt.Appendf(b, "%s\n%s%s\n", fields[i], []byte{byte(n), byte(n >> 8), byte(n >> 16), 0, 0, 0, 0, 0}, fields[i+1])
		}
		b = append(b, '\n')
	}
	line := `time="2024-05-06T07:08:09.123456789Z" level=info msg=m name=kata-runtime source=virtcontainers`
	entry("SYSLOG_IDENTIFIER", "kata", "MESSAGE", line)
	entry("SYSLOG_IDENTIFIER", "kata", "MESSAGE", line, "MESSAGE", "second", "A", "1", "B", "2", "A", "3", "A", "4", "B", "5")
	entry("SYSLOG_IDENTIFIER", "kata", "SYSLOG_IDENTIFIER", "other", "MESSAGE", line)
	entry("PID", "1", "_PID", "1", "SYSLOG_IDENTIFIER", "kata", "MESSAGE", "text", "EMPTY", "", "EMPTY", "", "ONE", "")
	entry("SYSLOG_IDENTIFIER", "kata", "MESSAGE", "a\x00b\nc\xff", "BINARY", "\x00\x01")
	entry("MESSAGE", "")
	entry("SYSLOG_IDENTIFIER", "kata")
	for _, n := range []int{31, 32, 255, 256, 511, 512, 65535 - len("LONG="), 65536 - len("LONG="), 100000} {
		entry("SYSLOG_IDENTIFIER", "kata", "LONG", strings.Repeat("x", n), "MESSAGE", line)
	}
	for _, n := range []int{12, 13, 14, 61, 62, 63, 64, 65, 100, 900} {
		fields := []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", line}
		for i := range n {
			fields = append(fields, fmt.Sprintf("F%d", i*7%n), fmt.Sprint(i))
		}
		entry(append(fields, "F3", "again", "F5", "again", "F3", "and again")...)
	}
	return b
}
