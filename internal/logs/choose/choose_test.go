package choose_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record/recordtest"
)

var (
	webID   = strings.Repeat("5b", 32)
	otherID = strings.Repeat("0c", 32)
	appID   = strings.Repeat("77", 32)
)

// TestMatch has for each choice a record that it takes and one that it does not.
func TestMatch(t *testing.T) {
	names := choose.NewNames("kata_")
	var known choose.Known
	known.LearnPods([]record.Pod{{Sandbox: webID, Name: "web-0", Namespace: "shop"}})
	known.Learn(names, recordtest.Make(1, "kata_level=info", "kata_sandbox="+webID, "kata_container="+appID))
	// Neither a field of a record nor a guest names a pod.
	known.Learn(names, recordtest.Make(1, "kata_level=info", "kata_sandbox="+otherID, "kata_pod_name=web-0", "kata_pod_namespace=shop"))
	known.Learn(names, recordtest.Make(1, "kata_level=info", "kata_guest=true", "kata_sandbox="+otherID, "kata_pod_name=web-0", "kata_container=x"))
	web := []choose.PodPattern{{Namespace: "shop", Name: "web-0"}}
	for _, test := range []struct {
		name     string
		c        choose.Choice
		yes, not []string // fields, separated by '|'
	}{
		{"all", choose.Choice{Level: -1}, []string{"", "MESSAGE=x"}, nil},
		{"level", choose.Choice{Level: 3}, []string{"kata_level=warning", "kata_level=panic", "kata_level=info|kata_detected_level=error", "kata_level=strange", "PRIORITY=3", "MESSAGE=E0506 07:08:09.123456    1234 k.go:1] x"},
			[]string{"kata_level=info", "MESSAGE=x", "PRIORITY=6", "MESSAGE=I0506 07:08:09.123456    1234 k.go:1] x"}},
		{"info", choose.Choice{Level: 2}, []string{"MESSAGE=x", "PRIORITY=5", "PRIORITY=x"}, []string{"PRIORITY=7", "kata_level=debug"}},
		{"errors", choose.Choice{Level: -1, Errors: true}, []string{"kata_level=error", "kata_level=debug|kata_detected_level=critical"}, []string{"kata_level=warning", "kata_level=strange", "MESSAGE=error"}},
		{"guest", choose.Choice{Level: -1, Guest: true}, []string{"kata_guest=true"}, []string{"kata_guest=false", "MESSAGE=x"}},
		{"host", choose.Choice{Level: -1, Host: true}, []string{"MESSAGE=x", "kata_guest=false"}, []string{"kata_guest=true"}},
		{"source", choose.Choice{Level: -1, Sources: []string{"virtcontainers", "kata"}}, []string{"kata_source=virtcontainers", "kata_source=virtcontainers/hypervisor", "SYSLOG_IDENTIFIER=kata"},
			[]string{"kata_source=virtcontainersx", "kata_source=", "SYSLOG_IDENTIFIER=kata-proxy"}},
		{"grep", choose.Choice{Level: -1, Grep: []*regexp.Regexp{regexp.MustCompile("a+b"), regexp.MustCompile("c$")}}, []string{"kata_msg=aab|kata_x=c", "MESSAGE=ab c"}, []string{"kata_msg=aab", "_CMDLINE=ab c"}},
		{"sandbox", choose.Choice{Level: -1, Sandboxes: []string{webID[:10]}}, []string{"kata_sandbox=" + webID, "kata_level=info|kata_msg=StopPodSandbox for \"" + webID + "\""},
			[]string{"kata_sandbox=" + otherID, "MESSAGE=" + webID[:63], "kata_guest=true|kata_msg=" + webID, "kata_sandbox=" + otherID + "|kata_msg=" + webID}},
		{"container", choose.Choice{Level: -1, Containers: []string{appID[:10]}}, []string{"kata_container=" + appID, "MESSAGE=x" + " " + appID}, []string{"kata_container=" + webID, "MESSAGE=x"}},
		{"pod", choose.Choice{Level: -1, Pods: web}, []string{
			"kata_sandbox=" + webID, "kata_container=" + appID, "MESSAGE=of " + appID,
			`MESSAGE=I0506 07:08:09.123456    1234 k.go:1] "x" pod="shop/web-0"`, "kata_sandbox=" + webID + "|kata_guest=true",
		}, []string{
			"kubernetes=web-0", "kata_sandbox=" + otherID, "kata_pod_name=web-0|kata_pod_namespace=shop", `MESSAGE=pod="shop/web-01"`, `MESSAGE=pod="web-0"`,
			"kata_guest=true|MESSAGE=shop/web-0", "kata_guest=true|kata_container=" + appID,
		}},
	} {
		c := test.c
		c.Names, c.Known = names, &known
		for want, list := range map[bool][]string{true: test.yes, false: test.not} {
			for _, fields := range list {
				if c.Match(recordtest.Make(5, strings.Split(fields, "|")...)) != want {
					t.Errorf("%s: %q is chosen: %v", test.name, fields, !want)
				}
			}
		}
	}
	c := choose.Choice{Names: names, Level: -1, Since: 10, Until: 20}
	for nano, want := range map[int64]bool{9: false, 10: true, 19: true, 20: false} {
		if c.Match(recordtest.Make(nano, "MESSAGE=x")) != want {
			t.Errorf("at %d: %v", nano, !want)
		}
	}
}

// TestKnownIsBounded checks that a log with any number of ids does not fill the memory.
func TestKnownIsBounded(t *testing.T) {
	names := choose.NewNames("kata_")
	var known choose.Known
	n := 0
	for i := 0; !known.Full; i++ {
		if i > 1<<20 {
			t.Fatal("there is no limit")
		}
		known.Learn(names, recordtest.Make(1, "kata_sandbox="+strings.Repeat("a", i%7)+string(rune('0'+i%10))+strings.Repeat("b", i%1000)+string(rune(i))))
	}
	known.All(func(*choose.Sandbox) { n++ })
	if n == 0 || n > 1<<16 {
		t.Errorf("%d sandboxes", n)
	}
}
