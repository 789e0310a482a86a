package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

const (
	dir      = "../../deploy/dashboards/"
	template = "../../deploy/elasticsearch/index-template.json"
)

// TestFiles: the files are what the code makes.
func TestFiles(t *testing.T) {
	for name, content := range files {
		if got, err := os.ReadFile(dir + name); err != nil || !bytes.Equal(got, content()) {
			t.Errorf("%s%s is stale (%v): go run ./build/dashboards", dir, name, err)
		}
	}
}

// read returns the saved objects of the file by their ids, and checks their form.
func read(t *testing.T) map[string]savedObject {
	t.Helper()
	text, err := os.ReadFile(dir + "opensearch.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var summary struct{ ExportedCount, MissingRefCount int }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &summary); err != nil || summary.ExportedCount != len(lines)-1 {
		t.Errorf("the last line is %s: %v", lines[len(lines)-1], err)
	}
	objects := map[string]savedObject{}
	for _, line := range lines[:len(lines)-1] {
		var o savedObject
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields() // such as coreMigrationVersion, which is refused
		if err := d.Decode(&o); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if version, known := migrations[o.Type]; !known || fmt.Sprint(version) != fmt.Sprint(o.MigrationVersion) {
			t.Errorf("%s has type %s and version %v", o.ID, o.Type, o.MigrationVersion)
		}
		if _, twice := objects[o.ID]; twice || o.Attributes["title"] == "" {
			t.Errorf("%s comes twice or has no title", o.ID)
		}
		objects[o.ID] = o
	}
	return objects
}

// inner decodes JSON in a text of an object.
func inner(t *testing.T, o savedObject, to any, path ...string) {
	t.Helper()
	var v any = o.Attributes
	for _, name := range path {
		v = v.(object)[name]
	}
	if err := json.Unmarshal([]byte(v.(string)), to); err != nil {
		t.Fatalf("%s: %v: %v", o.ID, path, err)
	}
}

// TestReferences: each reference leads to an object of its type, and each name of a reference
// that an object uses is there, and no other. Every object is on a dashboard.
func TestReferences(t *testing.T) {
	objects := read(t)
	used := map[string]bool{}
	for _, o := range objects {
		var names []string
		for _, r := range o.References {
			if to, ok := objects[r.ID]; !ok || to.Type != r.Type {
				t.Errorf("%s refers to %s %s", o.ID, r.Type, r.ID)
			}
			used[r.ID] = true
			names = append(names, r.Name)
		}
		var uses []string
		if o.Type != "index-pattern" {
			var source object
			inner(t, o, &source, "kibanaSavedObjectMeta", "searchSourceJSON")
			if name, ok := source["indexRefName"].(string); ok {
				uses = append(uses, name)
			}
			if language := source["query"].(object)["language"]; language != "lucene" {
				t.Errorf("%s has a query in %v", o.ID, language)
			}
		}
		if o.Type == "dashboard" {
			var panels []object
			inner(t, o, &panels, "panelsJSON")
			seen := map[string]bool{}
			for _, p := range panels {
				uses = append(uses, p["panelRefName"].(string))
				grid := p["gridData"].(object)
				if grid["x"].(float64)+grid["w"].(float64) > 48 || grid["i"] != p["panelIndex"] || seen[grid["i"].(string)] {
					t.Errorf("%s has a panel at %v", o.ID, grid)
				}
				seen[grid["i"].(string)] = true
			}
		}
		slices.Sort(names)
		slices.Sort(uses)
		if !slices.Equal(names, uses) {
			t.Errorf("%s has the references %q and uses %q", o.ID, names, uses)
		}
	}
	for id, o := range objects {
		if o.Type != "dashboard" && !used[id] {
			t.Errorf("no dashboard has %s", id)
		}
	}
}

// mapping returns the types of the fields in the index template.
func mapping(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	type field struct {
		Type       string
		Properties map[string]field
	}
	var file struct {
		Template struct{ Mappings field }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	var add func(prefix string, fields map[string]field)
	add = func(prefix string, fields map[string]field) {
		for name, f := range fields {
			if f.Properties != nil {
				add(prefix+name+".", f.Properties)
			} else {
				types[prefix+name] = f.Type
			}
		}
	}
	add("", file.Template.Mappings.Properties)
	return types
}

// TestFields: every field is in the index template, with a type that allows what is done with
// it.
func TestFields(t *testing.T) {
	types := mapping(t)
	fields := 0
	want := func(id, field string, allowed ...string) {
		fields++
		if !slices.Contains(allowed, types[field]) {
			t.Errorf("%s uses %s, which is %q, want one of %q", id, field, types[field], allowed)
		}
	}
	for id, o := range read(t) {
		switch o.Type {
		case "index-pattern":
			want(id, o.Attributes["timeFieldName"].(string), "date_nanos")
			continue
		case "search":
			for _, column := range o.Attributes["columns"].([]any) {
				want(id, column.(string), "keyword", "text", "long")
			}
			for _, sort := range o.Attributes["sort"].([]any) {
				want(id, sort.([]any)[0].(string), "date_nanos")
			}
		case "visualization":
			for _, agg := range aggs(t, o) {
				switch agg.Type {
				case "count":
				case "date_histogram":
					want(id, agg.Params.Field, "date_nanos")
				case "terms":
					want(id, agg.Params.Field, "keyword")
				default:
					t.Errorf("%s has an aggregation %s", id, agg.Type)
				}
			}
		}
		for _, m := range regexp.MustCompile(`_exists_:([\w.]+)|([\w.]+):`).FindAllStringSubmatch(queryOf(t, o), -1) {
			if field := cmp.Or(m[1], m[2]); field != "_exists_" {
				want(id, field, "keyword", "text")
			}
		}
	}
	if fields < 60 {
		t.Errorf("%d fields", fields)
	}
}

// aggregation is one of a visualization.
type aggregation struct {
	Type   string
	Params struct {
		Field string
		Size  int
	}
}

func aggs(t *testing.T, o savedObject) []aggregation {
	t.Helper()
	var state struct {
		Title, Type string
		Aggs        []aggregation
	}
	inner(t, o, &state, "visState")
	if state.Title != o.Attributes["title"] || !slices.Contains([]string{"pie", "histogram", "table"}, state.Type) {
		t.Errorf("%s is of type %q and called %q", o.ID, state.Type, state.Title)
	}
	return state.Aggs
}

func queryOf(t *testing.T, o savedObject) string {
	t.Helper()
	var source struct{ Query struct{ Query string } }
	inner(t, o, &source, "kibanaSavedObjectMeta", "searchSourceJSON")
	return source.Query.Query
}

// TestServer fills an index from internal/gen on the OpenSearch or Elasticsearch that
// KATA_OPENSEARCH names (http://127.0.0.1:9200), with the index template, and runs every search and
// aggregation on it: none fails, and each finds records. The index is removed at the end.
func TestServer(t *testing.T) {
	server := os.Getenv("KATA_OPENSEARCH")
	if server == "" {
		t.Skip("KATA_OPENSEARCH names no server")
	}
	index := fmt.Sprintf("kata-dashboards-%d", time.Now().UnixNano())
	body, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	// For this index alone, and before the plugin's own, if the server has it.
	var settings object
	if err := json.Unmarshal(body, &settings); err != nil {
		t.Fatal(err)
	}
	settings["index_patterns"], settings["priority"] = []string{index}, 1000
	call(t, "PUT", server+"/_index_template/"+index, text(settings))
	t.Cleanup(func() {
		call(t, "DELETE", server+"/"+index, "")
		call(t, "DELETE", server+"/_index_template/"+index, "")
	})
	var bulk strings.Builder
	documents := generated(t)
	for _, d := range documents {
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n%s\n", index, d)
	}
	if result := call(t, "POST", server+"/_bulk?refresh=true", bulk.String()); result["errors"] != false {
		t.Fatalf("_bulk: %.2000v", result)
	}

	for id, o := range read(t) {
		if o.Type != "search" && o.Type != "visualization" {
			continue
		}
		request := object{"size": 5, "track_total_hits": true, "query": object{"query_string": object{"query": cmp.Or(queryOf(t, o), "*")}}}
		depth := 0
		if o.Type == "search" {
			request["sort"] = []object{{"@timestamp": object{"order": o.Attributes["sort"].([]any)[0].([]any)[1]}}}
		} else {
			depth = len(aggs(t, o)) - 1
			request["size"] = 0
			request["aggs"] = nested(aggs(t, o)[1:])
		}
		result := call(t, "POST", server+"/"+index+"/_search", text(request))
		shards := result["_shards"].(object)
		total := result["hits"].(object)["total"].(object)["value"].(float64)
		if shards["failed"] != 0.0 || total == 0 || total == float64(len(documents)) && queryOf(t, o) != "" {
			t.Errorf("%s finds %v of %d records, shards %v", id, total, len(documents), shards)
		}
		if o.Type == "visualization" && deepest(result) != depth {
			t.Errorf("%s has buckets %d deep, want %d: %.500v", id, deepest(result), depth, result["aggregations"])
		}
	}
}

// nested returns the request for aggregations, each in the one before.
func nested(list []aggregation) object {
	if len(list) == 0 {
		return nil
	}
	a := list[0]
	one := object{"terms": object{"field": a.Params.Field, "size": a.Params.Size}}
	if a.Type == "date_histogram" {
		one = object{"date_histogram": object{"field": a.Params.Field, "fixed_interval": "1s", "min_doc_count": 1}}
	}
	if inside := nested(list[1:]); inside != nil {
		one["aggs"] = inside
	}
	return object{"a": one}
}

// deepest returns how many buckets lie in each other, following the first one with any.
func deepest(result object) int {
	all, ok := result["aggregations"].(object)
	if !ok {
		all = result
	}
	a, ok := all["a"].(object)
	if !ok {
		return 0
	}
	depth := 0
	for _, b := range a["buckets"].([]any) {
		depth = max(depth, 1+deepest(b.(object)))
	}
	return depth
}

// generated returns documents as an output sends them: generated records that went through the
// filter, with a pod for each sandbox, which the filter would read from the node's files.
func generated(t *testing.T) (documents []string) {
	t.Helper()
	chunk, _ := gen.Chunk(nil, gen.New(1, 30), 12<<20)
	f := transform.New(options.Default())
	defer f.Close()
	var out event.Buffer
	if f.Process([]byte("kata"), chunk, &out) != transform.Changed {
		t.Fatal("nothing changed")
	}
	for line := range bytes.Lines(sink.AppendJSONLines(nil, out.B)) {
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		var record object
		if err := d.Decode(&record); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		seconds, err := record["date"].(json.Number).Float64()
		if err != nil {
			t.Fatal(err)
		}
		delete(record, "date")
		record["@timestamp"] = time.UnixMicro(int64(seconds * 1e6)).UTC().Format(time.RFC3339Nano)
		if sandbox, ok := record["kata_sandbox"].(string); ok && len(sandbox) >= 8 {
			record["kubernetes"] = object{"pod_name": "web-" + sandbox[:8], "namespace_name": "shop"}
		}
		documents = append(documents, text(record))
	}
	if len(documents) < 1000 {
		t.Fatalf("%d records", len(documents))
	}
	return documents
}

// call makes a request and returns the answer, which must not be an error.
func call(t *testing.T, method, url, body string) object {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if strings.Contains(url, "/_bulk") {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	response, err := (&http.Client{Timeout: 2 * time.Minute}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var result object
	if err := json.Unmarshal(answer, &result); err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s\n%.2000s", method, url, response.Status, answer)
	}
	return result
}

// expressions returns those of the Grafana dashboard, with its variables replaced.
func expressions(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile(dir + "grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			GridPos struct{ X, W int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$instance", ".*")
	for _, p := range dashboard.Panels {
		if p.Title == "" || p.GridPos.X+p.GridPos.W > 24 || len(p.Targets) != 1 {
			t.Errorf("panel %q at %+v with %d targets", p.Title, p.GridPos, len(p.Targets))
		}
		for _, target := range p.Targets {
			list = append(list, variables.Replace(target.Expr))
		}
	}
	if len(list) != len(graphs) {
		t.Errorf("%d expressions", len(list))
	}
	return list
}

// TestMetrics: the metrics and labels in the Grafana dashboard are those of docs/operations.md,
// which another test compares with the code, and each of them is shown.
func TestMetrics(t *testing.T) {
	docs, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{}
	for _, m := range regexp.MustCompile("`(fluentbit_kata_\\w+)(?:\\{(\\w+)\\})?`").FindAllStringSubmatch(string(docs), -1) {
		labels[m[1]] = cmp.Or(m[2], labels[m[1]])
	}
	shown := strings.Join(expressions(t), "\n")
	for _, m := range regexp.MustCompile(`fluentbit_kata_\w+`).FindAllString(shown, -1) {
		if _, known := labels[m]; !known {
			t.Errorf("there is no metric %s", m)
		}
	}
	for _, e := range expressions(t) {
		metric := regexp.MustCompile(`fluentbit_\w+`).FindString(e)
		if m := regexp.MustCompile(`by \((\w+)\)`).FindStringSubmatch(e); m[1] != "instance" && m[1] != labels[metric] {
			t.Errorf("%s has no label %s", metric, m[1])
		}
	}
	for name := range labels {
		// Of the output kata and of parts of metrics' names.
		if !strings.Contains(shown, name) && !strings.HasPrefix(name, "fluentbit_kata_output_") {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// TestExpressions checks each expression of the Grafana dashboard with promtool, as a rule.
func TestExpressions(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip(err)
	}
	rules := "groups:\n  - name: grafana\n    rules:\n"
	for i, e := range expressions(t) {
		rules += fmt.Sprintf("      - record: panel_%d\n        expr: '%s'\n", i, strings.ReplaceAll(e, "'", "''"))
	}
	path := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(promtool, "check", "rules", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("SUCCESS: %d rules found", len(graphs))) {
		t.Errorf("%v\n%s\n%s", err, out, rules)
	}
}
