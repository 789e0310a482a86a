package fluentbit

// service is the start of every configuration. Its server has the number of processed records.
const service = `
[SERVICE]
    Flush         0.2
    Grace         1
    Log_Level     warn
    Parsers_File  ${DIR}/parsers.conf
    HTTP_Server   On
    HTTP_Listen   127.0.0.1
    HTTP_Port     ${HTTP}
`

const parsers = `
[PARSER]
    Name    logfmt
    Format  logfmt
`

const systemd = `
[INPUT]
    Name            systemd
    Tag             kata
    Path            ${DIR}/journal
    Read_From_Tail  Off
`

const null = `
[OUTPUT]
    Name   null
    Match  *
`

// pipeline is a configuration with one filter, or none.
type pipeline struct {
	name, what string
	library    string // that it needs, if any
	filter     string
}

var pipelines = []pipeline{
	{"none", "no filter", "", ""},
	{"copy", "a C filter that only copies the chunk", "flb-filter_copy.so", `
[FILTER]
    Name   copy
    Match  *
`},
	{"grow", "a C filter that adds ten fixed pairs of 333 bytes to each record, as many as `kata` adds, and does nothing else: the floor", "flb-filter_grow.so", `
[FILTER]
    Name   grow
    Match  *
`},
	{"parser", "Fluent Bit's own parser filter in C, logfmt: no prefix, no types, no time", "", `
[FILTER]
    Name          parser
    Match         *
    Parser        logfmt
    Key_Name      MESSAGE
    Reserve_Data  On
    Preserve_Key  On
`},
	{"lua", "a Lua script of some 40 lines: prefix, no types, no time", "", `
[FILTER]
    Name    lua
    Match   *
    Script  ${DIR}/logfmt.lua
    Call    parse
`},
	{"kata", "this library", "flb-filter_kata.so", `
[FILTER]
    Name   kata
    Match  *
`},
}

// threaded returns a configuration with inputs in threads of their own, each with the
// processor, if there is one.
func threaded(inputs int, processor string) string {
	config := `
service:
  flush: 0.2
  grace: 1
  log_level: warn
  http_server: on
  http_listen: 127.0.0.1
  http_port: ${HTTP}
pipeline:
  outputs:
    - name: "null"
      match: "*"
  inputs:
`
	for range inputs {
		config += `
    - name: systemd
      tag: kata
      path: ${DIR}/journal
      read_from_tail: off
      threaded: on
`
		if processor != "" {
			config += "      processors: {logs: [{name: " + processor + "}]}\n"
		}
	}
	return config
}
