// Dashboards makes the files in deploy/dashboards:
//
//	go run ./build/dashboards
//
// opensearch.ndjson has saved objects for OpenSearch Dashboards, which Kibana migrates when
// it imports them; grafana.json has a dashboard of the plugin's metrics. Both are made here since
// saved objects are JSON inside of JSON, which is not to be edited by hand.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Files are the names in deploy/dashboards, and what makes their content.
var files = map[string]func() []byte{
	"opensearch.ndjson": savedObjects,
	"grafana.json":      grafana,
}

func main() {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join("deploy", "dashboards", name), content(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

type object = map[string]any

// text returns JSON as a saved object has it in a string.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // there are only maps, slices, texts and numbers in it
	}
	return string(b)
}
