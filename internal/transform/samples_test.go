package transform

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// sample shows what a value of an option does: the difference in the output from that of
// the option's default.
type sample struct {
	option, value string
	with          []string   // other options, of the default too: names and values in turn; PODS is testdata/pods
	records       [][]string // keys and values in turn
	want          string     // the difference, see difference
}

// The records of several samples.
var (
	hostRecord  = []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", line}
	otherLogfmt = []string{"SYSLOG_IDENTIFIER", "nginx", "MESSAGE", "status=200 path=/"}
	otherJSON   = []string{"SYSLOG_IDENTIFIER", "nginx", "MESSAGE", `{"status":200}`}
	nestedJSON  = []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", `{"msg":"m","a":{"b":[1]}}`}
	guestRecord = []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE",
		`time="2020-01-01T00:00:00.5Z" level=debug msg="reading guest console" source=virtcontainers vmconsole="text"`}
	nativeRecord = []string{"SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime", "SUBSYSTEM", "s", "PRIORITY", "6", "MESSAGE", "m", "_SOURCE_REALTIME_TIMESTAMP", "1577836801250000"}
	podRecord    = []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", line + " sandbox=" + webSandbox}
	twoCopies    = [][]string{{"SYSLOG_IDENTIFIER", "containerd", "MESSAGE", kataLine}, {"SYSLOG_IDENTIFIER", "kata", "MESSAGE", kataLine}}
)

const kataLine = line + " source=virtcontainers"

// samples has at least one sample for each row of the table of options.
var samples = slices.Concat([]sample{
	{option: "key_name", value: "text", records: [][]string{{"text", line}}, want: `
		-time=100.000000007
		+kata_level=info
		+kata_msg=hello
		+kata_pid=7 (int64)
		+time=1577836800.500000000`},
	{option: "format", value: "logfmt", records: [][]string{otherLogfmt, otherJSON}, want: `
		+kata_path=/
		+kata_status=200 (int64)`},
	{option: "format", value: "json", records: [][]string{otherLogfmt, otherJSON}, want: `
		+kata_status=200 (int64)`},
	{option: "format", value: "native", records: [][]string{hostRecord, nativeRecord}, want: `
		-kata_level=info
		-kata_msg=hello
		-kata_pid=7 (int64)
		-time=1577836800.500000000
		+kata_msg=` + line + `
		+time=100.000000007`},
	{option: "prefix", value: "x_", records: [][]string{append(hostRecord[:4:4], "x_level", "what was parsed before")}, want: `
		-kata_level=info
		-kata_msg=hello
		-kata_pid=7 (int64)
		-x_level=what was parsed before
		+x_level=info
		+x_msg=hello
		+x_pid=7 (int64)`},
	{option: "prefix", value: "", records: [][]string{append(hostRecord[:4:4], "level", "the record's own")}, want: `
		-kata_level=info
		-kata_msg=hello
		-kata_pid=7 (int64)
		+msg=hello
		+pid=7 (int64)`},
	{option: "nest_under", value: "kata", records: [][]string{hostRecord}, want: `
		-kata_level=info
		-kata_msg=hello
		-kata_pid=7 (int64)
		+kata=map[kata_level:info kata_msg:hello kata_pid:7] (map[string]interface {})`},
	{option: "reserve_data", value: "off", records: [][]string{hostRecord}, want: `
		-SYSLOG_IDENTIFIER=kata`},
	{option: "preserve_key", value: "off", records: [][]string{hostRecord}, want: `
		-MESSAGE=` + line},
	{option: "use_message_time", value: "off", records: [][]string{hostRecord, nativeRecord}, want: `
		-time=1577836800.500000000
		-time=1577836801.250000000
		+kata_time=2020-01-01T00:00:00.5Z
		+time=100.000000007
		+time=100.000000007`},
	{option: "time_keep", value: "on", records: [][]string{hostRecord}, want: `
		+kata_time=2020-01-01T00:00:00.5Z`},
	{option: "types", value: "string", records: [][]string{hostRecord}, want: `
		-kata_pid=7 (int64)
		+kata_pid=7`},
	{option: "types", value: "pid:float", records: [][]string{hostRecord}, want: `
		-kata_pid=7 (int64)
		+kata_pid=7 (float64)`},
	{option: "unpack_agent", value: "off", records: [][]string{guestRecord}, want: `
		-kata_guest=true (bool)
		-kata_msg=text
		-kata_source=vmconsole
		+kata_msg=reading guest console
		+kata_source=virtcontainers
		+kata_vmconsole=text`},
	{option: "unpack_agent", value: "off", records: [][]string{{"SYSLOG_IDENTIFIER", "kata-proxy", "MESSAGE", line[:len(line)-len("hello pid=7")] + "\"open"}}, want: `
		-kata_guest=true (bool)
		-kata_source=vmconsole`},
	{option: "unpack_agent", value: "off", records: [][]string{{"SYSLOG_IDENTIFIER", "kata-proxy", "_LINE_BREAK", "eof", "MESSAGE", "text"}}, want: `
		-kata_guest=true (bool)
		-kata_source=vmconsole`},
	{option: "native_fields", value: "off", records: [][]string{nativeRecord}, want: `
		-kata_name=kata-runtime
		-kata_subsystem=s`},
	{option: "nested", value: "keep", records: [][]string{nestedJSON}, want: `
		-kata_a={"b":[1]}
		+kata_a=map[b:[1]] (map[string]interface {})`},
	{option: "nested", value: "drop", records: [][]string{nestedJSON}, want: `
		-kata_a={"b":[1]}`},
	{option: "remove_keys", value: "m*", records: [][]string{hostRecord}, want: `
		-kata_msg=hello`},
	{option: "only_keys", value: "m*,level", records: [][]string{hostRecord}, want: `
		-kata_pid=7 (int64)`},
	{option: "remove_journal_keys", value: "SYSLOG_*", records: [][]string{hostRecord}, want: `
		-SYSLOG_IDENTIFIER=kata`},
	{option: "duplicates", value: "mark", records: twoCopies, want: `
		+kata_duplicate=true (bool)`},
	{option: "duplicates", value: "drop", records: twoCopies, want: `
		-MESSAGE=` + kataLine + `
		-SYSLOG_IDENTIFIER=kata
		-kata_level=info
		-kata_msg=hello
		-kata_pid=7 (int64)
		-kata_source=virtcontainers
		-time=1577836800.500000000`},
	{option: "max_message_size", value: "256", records: [][]string{{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", line + strings.Repeat(" ", 256-len(line)) + "key=x"}}, want: `
		-kata_key=x
		+kata_parse_error=too_large`},
	{option: "max_fields", value: "8", records: [][]string{{"MESSAGE", line + " a=1 b=2 c=3 d=4 e=5 f=6"}}, want: `
		-kata_f=6
		+kata_parse_error=too_many_fields`},
	{option: "max_fields", value: "8", records: [][]string{{"MESSAGE", line + " name=n source=s subsystem=u sandbox=b container=c command=d bundle=e"}}, want: `
		-kata_bundle=e
		-kata_command=d
		+kata_parse_error=too_many_fields`},
	{option: "max_fields", value: "8", records: [][]string{{"SYSLOG_IDENTIFIER", "kata", "MESSAGE",
		`{"time":"2020-01-01T00:00:00.5Z","level":"info","msg":"m","name":"n","source":"s","subsystem":"u","sandbox":"b","container":"c","command":"d","error":"e"}`}}, want: `
		-kata_error=e
		+kata_parse_error=too_many_fields`},
	{option: "max_depth", value: "1", records: [][]string{nestedJSON}, want: `
		-kata_a={"b":[1]}
		+kata_parse_error=too_deep`},
	{option: "sandbox_metadata", value: "on", with: []string{"sandbox_metadata_roots", "PODS/containerd"}, records: [][]string{podRecord}, want: `
		+kubernetes=map[namespace_name:shop pod_id:` + webUID + ` pod_name:web-0] (map[string]interface {})`},
	{option: "sandbox_metadata_roots", value: "PODS/containerd,PODS/containers", with: []string{"sandbox_metadata", "on"}, records: [][]string{podRecord}, want: `
		+kubernetes=map[namespace_name:shop pod_id:` + webUID + ` pod_name:web-0] (map[string]interface {})`},
	{option: "sandbox_metadata_key", value: "pod", with: []string{"sandbox_metadata", "on", "sandbox_metadata_roots", "PODS/containerd"}, records: [][]string{podRecord}, want: `
		-kubernetes=map[namespace_name:shop pod_id:` + webUID + ` pod_name:web-0] (map[string]interface {})
		+pod=map[namespace_name:shop pod_id:` + webUID + ` pod_name:web-0] (map[string]interface {})`},
	{option: "sandbox_metadata_key", value: "", with: []string{"sandbox_metadata", "on", "sandbox_metadata_roots", "PODS/containerd"}, records: [][]string{podRecord}, want: `
		-kubernetes=map[namespace_name:shop pod_id:` + webUID + ` pod_name:web-0] (map[string]interface {})
		+kata_pod_name=web-0
		+kata_pod_namespace=shop
		+kata_pod_uid=` + webUID},
}, minLevelSamples())

// minLevelSamples returns a sample for each level, of records of all levels.
func minLevelSamples() (list []sample) {
	var records [][]string
	var dropped []string
	for _, level := range parser.Levels {
		if len(dropped) > 0 {
			slices.Sort(dropped)
			list = append(list, sample{option: "min_level", value: level, want: strings.Join(dropped, "\n")})
		}
		message := "time=2020-01-01T00:00:00.5Z level=" + level
		records = append(records, []string{"MESSAGE", message})
		dropped = append(dropped, "-MESSAGE="+message, "-kata_level="+level, "-time=1577836800.500000000")
	}
	for i := range list {
		list[i].records = records
	}
	return list
}

// TestSamples: every option by itself has its documented effect. Each value of an enum
// has a sample, except the default, and except trace, which drops nothing.
func TestSamples(t *testing.T) {
	has := map[string]bool{}
	for _, s := range samples {
		has[s.option], has[s.option+" "+s.value] = true, true
		want := strings.ReplaceAll(strings.TrimSpace(s.want), "\t", "")
		pods, err := filepath.Abs("../../testdata/pods")
		if err != nil {
			t.Fatal(err)
		}
		set := append(s.with[:len(s.with):len(s.with)], s.option, s.value)
		for i := range set {
			set[i] = strings.ReplaceAll(set[i], "PODS", pods)
		}
		if got := difference(output(t, filter(t, set[:len(s.with)]...), s.records), output(t, filter(t, set...), s.records)); got != want || got == "" {
			t.Errorf("%s %s:\n%s\nwant\n%s", s.option, s.value, got, want)
		}
	}
	for _, row := range options.Table {
		if row.Only != "" {
			continue // none of them changes what a record becomes
		}
		if !has[row.Name] {
			t.Errorf("the option %s has no sample", row.Name)
		}
		for _, word := range row.Allowed {
			if word != row.Default && word != "trace" && !has[row.Name+" "+word] {
				t.Errorf("the option %s has no sample of the value %s", row.Name, word)
			}
		}
	}
}

// output processes records and returns the times and fields of the result.
func output(t testing.TB, f *Filter, records [][]string) (fields []string) {
	t.Helper()
	var chunk []byte
	for _, pairs := range records {
		chunk = appendEvent(chunk, 100, 7, pairs...)
	}
	out, verdict := run(t, f, chunk)
	if verdict == Untouched {
		out = chunk
	}
	for _, v := range contract.ReadValues(t, out) {
		at, _, body, err := v.Parts()
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, "time="+at.TimeText())
		// Not as a Go map: a key that comes twice must show.
		for i := 0; i < len(body.In); i += 2 {
			key, value := body.In[i].Any(), body.In[i+1].Any()
			if text, ok := value.(string); ok {
				fields = append(fields, fmt.Sprintf("%s=%s", key, text))
			} else {
				fields = append(fields, fmt.Sprintf("%s=%v (%T)", key, value, value))
			}
		}
	}
	return fields
}

// difference returns the lines that are in before only, with a minus sign, and in after
// only, with a plus sign, each sorted. Of equal lines only the surplus counts.
func difference(before, after []string) string {
	var lines []string
	without := func(list, other []string, sign string) {
		other = slices.Clone(other)
		start := len(lines)
		for _, s := range list {
			if i := slices.Index(other, s); i >= 0 {
				other = slices.Delete(other, i, i+1)
			} else {
				lines = append(lines, sign+s)
			}
		}
		slices.Sort(lines[start:])
	}
	without(before, after, "-")
	without(after, before, "+")
	return strings.Join(lines, "\n")
}
