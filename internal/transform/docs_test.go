package transform

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// TestKataPages: each record that a page about a generation of Kata shows gets the fields that the
// page shows behind it, and no others.
func TestKataPages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/kata-[0-9]*.md")
	if err != nil || len(pages) != 4 {
		t.Fatalf("pages %q, %v", pages, err)
	}
	block := regexp.MustCompile("(?ms)^```json\n(.*?)^```$")
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := block.FindAllSubmatch(text, -1)
		if len(blocks) < 4 || len(blocks)%2 != 0 {
			t.Errorf("%s has %d blocks of JSON, want records with their fields", page, len(blocks))
			continue
		}
		for i := 0; i < len(blocks); i += 2 {
			var record, added map[string]any
			for n, to := range []*map[string]any{&record, &added} {
				d := json.NewDecoder(bytes.NewReader(blocks[i+n][1]))
				d.UseNumber()
				if err := d.Decode(to); err != nil {
					t.Fatalf("%s: %v\n%s", page, err, blocks[i+n][1])
				}
			}
			chunk := recordEvent(t, record, 0)
			out, _ := run(t, filter(t), chunk)
			events := contract.Events(t, out)
			if len(events) != 1 {
				t.Errorf("%s: %s became %d events", page, blocks[i][1], len(events))
				continue
			}
			want := record
			for name, value := range added {
				want[name] = value
			}
			if wrong := contract.Diff(contract.Numbers(want).(map[string]any), events[0].Body); wrong != nil {
				t.Errorf("%s: %s%q", page, blocks[i][1], wrong)
			}
		}
	}
}
