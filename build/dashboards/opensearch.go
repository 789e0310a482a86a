package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The versions of the forms of saved objects: the newest that OpenSearch Dashboards takes.
var migrations = map[string]object{
	"index-pattern": {"index-pattern": "7.6.0"},
	"search":        {"search": "7.9.3"},
	"visualization": {"visualization": "7.10.0"},
	"dashboard":     {"dashboard": "7.9.3"},
}

// indexPattern is the id of the index pattern.
const indexPattern = "kata"

// savedObject is one line of the file.
type savedObject struct {
	Attributes       object      `json:"attributes"`
	ID               string      `json:"id"`
	MigrationVersion object      `json:"migrationVersion"`
	References       []reference `json:"references"`
	Type             string      `json:"type"`
}

type reference struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// search is a list of records.
type search struct {
	id, title, description string
	query                  string // of Lucene
	columns                []string
	order                  string // of @timestamp
}

// chart is a visualization of counts.
type chart struct {
	id, title string
	kind      string // of Dashboards: pie, histogram, table
	query     string
	buckets   []bucket
}

// bucket is how records are counted: by time if it has no field.
type bucket struct {
	schema string // segment, group, bucket
	field  string
	size   int
	label  string
}

// Queries that several objects share.
const (
	all     = ""
	guest   = "kata_guest:true"
	host    = "_exists_:kata_msg AND NOT kata_guest:true"
	failed  = `kata_level:(error OR critical OR fatal OR panic) OR kata_detected_level:(error OR critical)`
	crashed = `kata_detected_level:critical`
	damaged = "_exists_:kata_parse_error"
)

// What a record of a sandbox shows beside its time.
var columns = []string{"kata_level", "kata_detected_level", "kata_source", "kata_msg"}

var searches = []search{
	{"kata-sandbox-all", "Kata: all records in order", "Filter by kata_sandbox or kubernetes.pod_name.", "_exists_:kata_msg", append([]string{"kata_guest"}, columns...), "asc"},
	{"kata-sandbox-host", "Kata: what the host said", "", host, columns, "asc"},
	{"kata-sandbox-guest", "Kata: what the guest said", "Whoever runs in the guest chooses these texts, levels and sources.", guest, columns, "asc"},
	{"kata-errors", "Kata: errors", "", failed, append([]string{"_HOSTNAME", "kubernetes.pod_name", "kata_sandbox"}, columns...), "desc"},
	{"kata-crashed", "Kata: crashed guests", "Console text that names a kernel panic or the like.", crashed, []string{"_HOSTNAME", "kubernetes.pod_name", "kata_sandbox", "kata_msg"}, "desc"},
	{"kata-damaged", "Kata: records that did not parse whole", "docs/operations.md says what to do about each code.", damaged, []string{"kata_parse_error", "SYSLOG_IDENTIFIER", "kata_name", "MESSAGE"}, "desc"},
}

var (
	byTime = bucket{schema: "segment"}
	levels = bucket{"group", "kata_level", 10, "Level"}
)

var charts = []chart{
	{"kata-volume", "Kata: records by level", "histogram", "_exists_:kata_msg", []bucket{byTime, levels}},
	{"kata-levels", "Kata: levels", "pie", "_exists_:kata_level", []bucket{{"segment", "kata_level", 10, "Level"}}},
	{"kata-components", "Kata: components", "table", "_exists_:kata_msg", []bucket{{"bucket", "kata_name", 20, "Program"}, {"bucket", "kata_source", 10, "Source"}}},
	{"kata-nodes", "Kata: nodes", "histogram", "_exists_:kata_msg", []bucket{byTime, {"group", "_HOSTNAME", 20, "Node"}}},
	{"kata-sandboxes", "Kata: sandboxes", "table", "_exists_:kata_sandbox", []bucket{{"bucket", "kata_sandbox", 50, "Sandbox"}, {"bucket", "kubernetes.pod_name", 1, "Pod"}}},
	{"kata-speakers", "Kata: host and guest", "histogram", "_exists_:kata_msg", []bucket{byTime, {"group", "kata_source", 10, "Source"}}},
	{"kata-errors-volume", "Kata: errors by program", "histogram", failed, []bucket{byTime, {"group", "kata_name", 10, "Program"}}},
	{"kata-detected", "Kata: severities in console text", "histogram", "_exists_:kata_detected_level", []bucket{byTime, {"group", "kata_detected_level", 5, "Severity"}}},
	{"kata-crashed-sandboxes", "Kata: crashed guests by sandbox", "table", crashed, []bucket{{"bucket", "kata_sandbox", 50, "Sandbox"}, {"bucket", "_HOSTNAME", 1, "Node"}}},
	{"kata-damage-volume", "Kata: error codes", "histogram", damaged, []bucket{byTime, {"group", "kata_parse_error", 11, "Error code"}}},
	{"kata-damage-programs", "Kata: error codes by program", "table", damaged, []bucket{{"bucket", "kata_parse_error", 11, "Error code"}, {"bucket", "SYSLOG_IDENTIFIER", 10, "Identifier"}}},
}

// panel is a chart or search on a dashboard, 48 columns wide.
type panel struct {
	id         string
	x, y, w, h int
}

var dashboards = []struct {
	id, title, description string
	panels                 []panel
}{
	{"kata-overview", "Kata: overview", "Volume, levels, components, nodes.", []panel{
		{"kata-volume", 0, 0, 36, 12}, {"kata-levels", 36, 0, 12, 12},
		{"kata-components", 0, 12, 24, 14}, {"kata-nodes", 24, 12, 24, 14},
	}},
	{"kata-sandbox", "Kata: one sandbox or pod", "Filter by kata_sandbox or kubernetes.pod_name, or click a row of the table: all records in order, host and guest side by side.", []panel{
		{"kata-sandboxes", 0, 0, 24, 12}, {"kata-speakers", 24, 0, 24, 12},
		{"kata-sandbox-host", 0, 12, 24, 20}, {"kata-sandbox-guest", 24, 12, 24, 20},
		{"kata-sandbox-all", 0, 32, 48, 24},
	}},
	{"kata-failures", "Kata: errors and crashed guests", "", []panel{
		{"kata-errors-volume", 0, 0, 24, 12}, {"kata-detected", 24, 0, 24, 12},
		{"kata-crashed-sandboxes", 0, 12, 16, 16}, {"kata-crashed", 16, 12, 32, 16},
		{"kata-errors", 0, 28, 48, 24},
	}},
	{"kata-health", "Kata: parse health", "Records that did not parse whole, by error code and program.", []panel{
		{"kata-damage-volume", 0, 0, 28, 14}, {"kata-damage-programs", 28, 0, 20, 14},
		{"kata-damaged", 0, 14, 48, 24},
	}},
}

// savedObjects returns the file for OpenSearch Dashboards.
func savedObjects() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	count := 0
	add := func(kind, id string, attributes object, references ...reference) {
		if references == nil {
			references = []reference{}
		}
		if err := e.Encode(savedObject{attributes, id, migrations[kind], references, kind}); err != nil {
			panic(err)
		}
		count++
	}
	add("index-pattern", indexPattern, object{"title": "kata-*", "timeFieldName": "@timestamp"})
	kinds := map[string]string{}
	for _, s := range searches {
		kinds[s.id] = "search"
		add("search", s.id, object{
			"title": s.title, "description": s.description, "hits": 0, "version": 1,
			"columns": s.columns, "sort": [][]string{{"@timestamp", s.order}},
			"kibanaSavedObjectMeta": source(s.query),
		}, sourceReference)
	}
	for _, c := range charts {
		kinds[c.id] = "visualization"
		add("visualization", c.id, object{
			"title": c.title, "description": "", "version": 1, "uiStateJSON": "{}",
			"visState":              text(object{"title": c.title, "type": c.kind, "aggs": c.aggregations(), "params": c.params()}),
			"kibanaSavedObjectMeta": source(c.query),
		}, sourceReference)
	}
	for _, d := range dashboards {
		var panels []object
		var references []reference
		for i, p := range d.panels {
			name, index := fmt.Sprintf("panel_%d", i), fmt.Sprint(i+1)
			panels = append(panels, object{
				"version": "7.10.0", "panelIndex": index, "panelRefName": name, "embeddableConfig": object{},
				"gridData": object{"x": p.x, "y": p.y, "w": p.w, "h": p.h, "i": index},
			})
			references = append(references, reference{p.id, name, kinds[p.id]})
		}
		add("dashboard", d.id, object{
			"title": d.title, "description": d.description, "hits": 0, "version": 1, "timeRestore": false,
			"panelsJSON": text(panels), "optionsJSON": text(object{"hidePanelTitles": false, "useMargins": true}),
			"kibanaSavedObjectMeta": object{"searchSourceJSON": text(object{"query": query(all), "filter": []any{}})},
		}, references...)
	}
	if err := e.Encode(object{"exportedCount": count, "missingRefCount": 0, "missingReferences": []any{}}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func query(lucene string) object { return object{"query": lucene, "language": "lucene"} }

// sourceName is the name of the reference to the index pattern.
const sourceName = "kibanaSavedObjectMeta.searchSourceJSON.index"

var sourceReference = reference{indexPattern, sourceName, "index-pattern"}

func source(lucene string) object {
	return object{"searchSourceJSON": text(object{"query": query(lucene), "filter": []any{}, "indexRefName": sourceName})}
}

// aggregations returns how a chart counts.
func (c chart) aggregations() []object {
	list := []object{{"id": "1", "enabled": true, "type": "count", "schema": "metric", "params": object{}}}
	for i, b := range c.buckets {
		agg := object{"id": fmt.Sprint(i + 2), "enabled": true, "schema": b.schema}
		if b.field == "" {
			agg["type"] = "date_histogram"
			agg["params"] = object{"field": "@timestamp", "interval": "auto", "min_doc_count": 1, "drop_partials": false, "useNormalizedEsInterval": true, "extended_bounds": object{}}
		} else {
			agg["type"] = "terms"
			agg["params"] = object{"field": b.field, "size": b.size, "order": "desc", "orderBy": "1", "otherBucket": false, "missingBucket": false, "customLabel": b.label}
		}
		list = append(list, agg)
	}
	return list
}

// params returns how a chart is drawn.
func (c chart) params() object {
	switch c.kind {
	case "pie":
		return object{"type": "pie", "addTooltip": true, "addLegend": true, "legendPosition": "right", "isDonut": true, "labels": object{"show": false, "values": true, "last_level": true, "truncate": 100}}
	case "table":
		return object{"perPage": 10, "showPartialRows": false, "showMetricsAtAllLevels": false, "showTotal": false, "totalFunc": "sum", "sort": object{"columnIndex": nil, "direction": nil}}
	}
	return object{
		"type": "histogram", "addTooltip": true, "addLegend": true, "legendPosition": "right", "times": []any{}, "addTimeMarker": false,
		"grid":         object{"categoryLines": false},
		"categoryAxes": []object{{"id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": true, "style": object{}, "scale": object{"type": "linear"}, "labels": object{"show": true, "filter": true, "truncate": 100}, "title": object{}}},
		"valueAxes":    []object{{"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left", "show": true, "style": object{}, "scale": object{"type": "linear", "mode": "normal"}, "labels": object{"show": true, "rotate": 0, "filter": false, "truncate": 100}, "title": object{"text": "Records"}}},
		"seriesParams": []object{{"show": true, "type": "histogram", "mode": "stacked", "data": object{"label": "Records", "id": "1"}, "valueAxis": "ValueAxis-1", "drawLinesBetweenPoints": true, "showCircles": true}},
	}
}
