package main

import (
	"bytes"
	"encoding/json"
)

// graph is a panel of the Grafana dashboard.
type graph struct {
	title, description string
	unit               string // of Grafana
	expression, legend string
}

// The variable instance has the scrape targets that are shown. Rates are per second.
var graphs = []graph{
	{"Records by outcome", "What became of each record.", "ops",
		`sum by (outcome) (rate(fluentbit_kata_records_total{instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"},
	{"Records by encoding", "After an upgrade of Kata plain should stay rare.", "ops",
		`sum by (encoding) (rate(fluentbit_kata_encoding_total{instance=~"$instance"}[$__rate_interval]))`, "{{encoding}}"},
	{"Share that did not parse whole", "An alert is at 1 %.", "percentunit",
		`sum by (instance) (rate(fluentbit_kata_records_total{instance=~"$instance",outcome="error"}[$__rate_interval])) / sum by (instance) (rate(fluentbit_kata_records_total{instance=~"$instance",outcome=~"parsed|error"}[$__rate_interval]))`, "{{instance}}"},
	{"Error codes", "docs/operations.md says what to do about each.", "ops",
		`sum by (reason) (rate(fluentbit_kata_parse_errors_total{instance=~"$instance"}[$__rate_interval]))`, "{{reason}}"},
	{"Agent records", "They stand still when nobody reads the consoles any more.", "ops",
		`sum by (instance) (rate(fluentbit_kata_agent_records_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"},
	{"Refused values of guests", "A jump: a guest may be trying to forge.", "ops",
		`sum by (instance) (rate(fluentbit_kata_guest_refused_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"},
	{"Duplicates", "Second copies of the shim's lines.", "ops",
		`sum by (instance) (rate(fluentbit_kata_duplicates_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"},
	{"Look-ups of pods", "With sandbox_metadata: unresolved and error should stay rare.", "ops",
		`sum by (result) (rate(fluentbit_kata_pod_lookups_total{instance=~"$instance"}[$__rate_interval]))`, "{{result}}"},
	{"Bytes out for one in", "What enriching costs in storage.", "none",
		`sum by (instance) (rate(fluentbit_kata_out_bytes_total{instance=~"$instance"}[$__rate_interval])) / sum by (instance) (rate(fluentbit_kata_in_bytes_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"},
	{"Internal errors", "Report each.", "none",
		`sum by (instance) (increase(fluentbit_kata_panics_total{instance=~"$instance"}[$__range]))`, "{{instance}}"},
	{"Versions", "How far a roll-out is.", "none",
		`count by (version) (fluentbit_kata_info{instance=~"$instance"})`, "{{version}}"},
	{"Delivered records by outcome", "Of the output kata with url: dead letters and records sent once more should stay rare.", "ops",
		`sum by (outcome) (rate(fluentbit_kata_delivered_total{instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"},
	{"Requests by status", "Of the output kata to its servers.", "ops",
		`sum by (status) (rate(fluentbit_kata_requests_total{instance=~"$instance"}[$__rate_interval]))`, "{{status}}"},
	{"Bytes sent for one of the bodies", "What compression leaves.", "percentunit",
		`sum by (instance) (rate(fluentbit_kata_sent_bytes_total{instance=~"$instance"}[$__rate_interval])) / sum by (instance) (rate(fluentbit_kata_request_bytes_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"},
	{"Requests without a response yet", "It stays high where the server is slow.", "none",
		`sum by (instance) (fluentbit_kata_requests_in_flight{instance=~"$instance"})`, "{{instance}}"},
	{"Servers that are down", "As seen by each node.", "none",
		`sum by (instance) (fluentbit_kata_servers_down{instance=~"$instance"})`, "{{instance}}"},
	{"Time since a server stored records", "It grows in an outage, and where there is nothing to store.", "s",
		`max by (instance) (time() - fluentbit_kata_last_success_timestamp_seconds{instance=~"$instance"})`, "{{instance}}"},
	{"Records waiting for the output", "What is on disk and in memory and not delivered: it grows while the output is down.", "none",
		`sum by (instance) (fluentbit_input_storage_chunks{instance=~"$instance"})`, "{{instance}}"},
	{"Entries of the journal", "Read by the input kata.", "ops",
		`sum by (instance) (rate(fluentbit_kata_journal_entries_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"},
	{"Time since the last entry of the journal", "It grows where nothing is logged, and where the input does not keep up.", "s",
		`max by (instance) (time() - fluentbit_kata_journal_position_timestamp_seconds{instance=~"$instance"})`, "{{instance}}"},
	{"Files of the journal with a problem", "Vanished: entries were lost.", "none",
		`sum by (problem) (increase(fluentbit_kata_journal_files_total{instance=~"$instance"}[$__range]))`, "{{problem}}"},
	{"What could not be read of the journal", "Of damaged files, and of fields that are too long.", "none",
		`sum by (what) (increase(fluentbit_kata_journal_lost_total{instance=~"$instance"}[$__range]))`, "{{what}}"},
}

// The metric that the values of the variable instance come from.
const instances = "label_values(fluentbit_kata_info, instance)"

// grafana returns the dashboard for Grafana.
func grafana() []byte {
	source := object{"type": "prometheus", "uid": "${datasource}"}
	var panels []object
	for i, g := range graphs {
		panels = append(panels, object{
			"id": i + 1, "type": "timeseries", "title": g.title, "description": g.description, "datasource": source,
			"gridPos":     object{"x": i % 2 * 12, "y": i / 2 * 8, "w": 12, "h": 8},
			"fieldConfig": object{"defaults": object{"unit": g.unit, "min": 0}, "overrides": []any{}},
			"options":     object{"legend": object{"displayMode": "list", "placement": "bottom"}, "tooltip": object{"mode": "multi"}},
			"targets":     []object{{"refId": "A", "datasource": source, "expr": g.expression, "legendFormat": g.legend}},
		})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(object{
		"title": "Kata logs: Fluent Bit's plugin", "uid": "fluent-bit-kata", "tags": []string{"kata", "fluent-bit"}, "schemaVersion": 39, "version": 1,
		"editable": true, "refresh": "1m", "time": object{"from": "now-6h", "to": "now"}, "timezone": "", "annotations": object{"list": []any{}},
		"templating": object{"list": []object{
			{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
			{"name": "instance", "type": "query", "label": "Instance", "datasource": source, "query": object{"query": instances, "refId": "instance"}, "definition": instances, "multi": true, "includeAll": true, "refresh": 2, "sort": 1},
		}},
		"panels": panels,
	})
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}
