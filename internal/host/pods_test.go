package host

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestPods: the built libraries read the files of the node, and close what they have opened when
// an instance ends.
func TestPods(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../testdata/pods")
	if err != nil {
		t.Fatal(err)
	}
	sandbox := "55bb" + strings.Repeat("1", 60)
	want := map[string]any{"pod_name": "web-0", "namespace_name": "shop", "pod_id": "0c1f3a52-9d3b-4f0e-8a35-6f1f9f0d7c11"}
	everyStandIn(t, func(t *testing.T, standIn string) {
		for _, mode := range []string{"filter", "output"} {
			r := good(t, standIn, "--reinit", "20", "--threads", "3", "-p", "sandbox_metadata=on",
				"-p", "sandbox_metadata_roots=/nonexistent,"+root+"/containerd,"+root+"/containers",
				release[mode], chunk(t, message("info")+" sandbox="+sandbox, message("info")+" sandbox="+strings.Repeat("9", 64)))
			with, late, without := 0, 0, 0
			records := r.lines
			if mode == "filter" {
				records = nil
				for _, e := range r.events {
					records = append(records, e.Record)
				}
			}
			for _, record := range records {
				switch record["kata_sandbox"] {
				case sandbox:
					if record["kubernetes"] == nil { // a chunk does not wait long
						late++
						continue
					}
					with++
					if !reflect.DeepEqual(record["kubernetes"], want) {
						t.Fatalf("%s: %v", mode, record)
					}
				default:
					without++
					if record["kubernetes"] != nil {
						t.Fatalf("%s: %v", mode, record)
					}
				}
			}
			// The stand-in prints what one thread of a filter returns, and all lines of an output.
			if want := map[string]int{"filter": 21, "output": 63}[mode]; with == 0 || with+late != want || without != want {
				t.Errorf("%s: %d records with a pod, %d late, %d without, want %d\n%s", mode, with, late, without, want, r.log)
			}
		}
	})
}

// TestPodWarnings: what cannot be read is logged once.
func TestPodWarnings(t *testing.T) {
	for _, mode := range []string{"filter", "output"} {
		r := run(t, current, "--repeat", "5", "-p", "sandbox_metadata=on", "-p", "sandbox_metadata_roots=/nonexistent",
			release[mode], chunk(t, message("info")+" sandbox="+strings.Repeat("9", 64)))
		const line = "sandbox_metadata: none of the folders that sandbox_metadata_roots names is there"
		if n := strings.Count(r.log, line); n != 1 {
			t.Errorf("%s: the warning is there %d times\n%s", mode, n, r.log)
		}
	}
}
