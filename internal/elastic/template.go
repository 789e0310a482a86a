package elastic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// object is a JSON object. It is marshaled with its names in order.
type object = map[string]any

const (
	// templateVersion is higher whenever what is made here differs from what an earlier
	// version of the plugin made.
	templateVersion = 1
	// templatePriority is above that of the templates that Elasticsearch comes with (100).
	// That of the dead letter's is one higher, since the names of indices may fit both.
	templatePriority = 200
	// managedBy marks what was made here.
	managedBy = "fluent-bit-kata"
	// ignoreAbove is the length in characters above which a keyword is stored but cannot be
	// searched: Lucene refuses more than 32766 bytes.
	ignoreAbove = 8191
)

// textKeys are keys of the key table with text that one searches by words.
var textKeys = map[string]bool{"msg": true, "error": true, "unparsed": true, "console_noise": true, "agent_fields": true, "vmconsole": true, "req": true}

// journalFields are fields of journald's, and of Fluent Bit's inputs, that one searches by.
// Their values are text, also of numbers.
var journalFields = []string{
	"PRIORITY", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "SYSLOG_PID", "SYSLOG_TIMESTAMP", "CODE_FILE", "CODE_FUNC", "CODE_LINE", "ERRNO", "MESSAGE_ID",
	"INVOCATION_ID", "USER_INVOCATION_ID", "DOCUMENTATION", "TID", "UNIT", "USER_UNIT", "NAME", "SUBSYSTEM", "SOURCE", "COMPONENT", "VERSION", "PID",
	"_PID", "_UID", "_GID", "_COMM", "_EXE", "_CMDLINE", "_CAP_EFFECTIVE", "_AUDIT_SESSION", "_AUDIT_LOGINUID", "_SYSTEMD_CGROUP", "_SYSTEMD_SLICE",
	"_SYSTEMD_UNIT", "_SYSTEMD_USER_UNIT", "_SYSTEMD_USER_SLICE", "_SYSTEMD_SESSION", "_SYSTEMD_OWNER_UID", "_SYSTEMD_INVOCATION_ID", "_SELINUX_CONTEXT",
	"_SOURCE_REALTIME_TIMESTAMP", "_BOOT_ID", "_MACHINE_ID", "_HOSTNAME", "_TRANSPORT", "_STREAM_ID", "_LINE_BREAK", "_NAMESPACE", "_RUNTIME_SCOPE",
	"stream", "time", "logtag",
}

// messageFields are the fields that hold the message itself.
var messageFields = []string{"MESSAGE", "message", "log"}

func keyword() object { return object{"type": "keyword", "ignore_above": ignoreAbove} }
func text() object    { return object{"type": "text"} }
func number(kind string) object {
	return object{"type": kind, "ignore_malformed": true}
}

// properties returns the mapping of the fields that are known. All others are stored and not
// indexed.
func properties(o *options.Options) object {
	fields := object{}
	for _, key := range parser.New(o.Parser).Keys() {
		name := o.Prefix + key.Name
		switch key.Type {
		case parser.Integer:
			fields[name] = number("long")
		case parser.Float:
			fields[name] = number("double")
		case parser.Bool:
			// A boolean field would refuse a record with any other text, which ignore_malformed
			// does not prevent in every version.
			fields[name] = keyword()
		default:
			fields[name] = keyword()
			if textKeys[key.Name] {
				fields[name] = text()
			}
			continue
		}
		fields[name+"_text"] = keyword()
	}
	all := fields
	if o.NestUnder != "" {
		all = object{o.NestUnder: object{"dynamic": false, "properties": fields}}
	}
	for _, name := range journalFields {
		if all[name] == nil {
			all[name] = keyword()
		}
	}
	for _, name := range messageFields {
		if all[name] == nil {
			all[name] = text()
		}
	}
	for _, name := range []string{"kubernetes", o.SandboxMetadataKey} {
		if name != "" && all[name] == nil {
			all[name] = pod()
		}
	}
	all["@timestamp"] = object{"type": "date_nanos"}
	return all
}

// pod returns the mapping of what Fluent Bit's filter kubernetes, or sandbox_metadata, says of
// a pod. Labels and annotations are anybody's words: they are stored only.
func pod() object {
	fields := object{}
	for _, name := range []string{"pod_name", "namespace_name", "pod_id", "pod_ip", "host", "container_name", "container_image", "container_hash", "docker_id"} {
		fields[name] = keyword()
	}
	return object{"dynamic": false, "properties": fields}
}

// mappedScalars returns the function that reports whether a name has a mapping that takes no
// object, nil if no template is made.
func mappedScalars(o *options.Options) func([]byte) bool {
	if o.Output.Setup == options.SetupOff {
		return nil
	}
	names := map[string]bool{}
	for name, mapping := range properties(o) {
		if mapping.(object)["properties"] == nil {
			names[name] = true
		}
	}
	return func(name []byte) bool { return names[string(name)] }
}

// made is something to be made on the server.
type made struct {
	name string
	body object // without _meta
}

// indexPrefix returns what the names of all indices begin with, and whether that is all.
func indexPrefix(index string) (prefix string, whole bool) {
	prefix, _, found := strings.Cut(index, "%")
	return prefix, !found
}

// pattern returns the pattern that the names of all indices match.
func pattern(index string) string {
	prefix, whole := indexPrefix(index)
	if whole {
		return index
	}
	return prefix + "*"
}

// nameOf returns the name of what is made for an index.
func nameOf(index string) string {
	prefix, _ := indexPrefix(index)
	return "fluent-bit-" + strings.Trim(prefix, "-_.")
}

// templates returns the index templates. policy is the name of a lifecycle policy of ILM, or
// empty.
func templates(o *options.Options, policy string) []made {
	out := &o.Output
	settings := func(index object) object {
		if out.Setup == options.SetupFull {
			index["number_of_shards"] = out.Shards
			index["number_of_replicas"] = out.Replicas
			if policy != "" {
				index["lifecycle"] = object{"name": policy}
			}
		}
		return object{"index": index}
	}
	main := object{
		"index_patterns": []string{pattern(out.Index)},
		"priority":       templatePriority,
		"version":        templateVersion,
		"template": object{
			"settings": settings(object{"mapping": object{"total_fields": object{"limit": 2000}}}),
			"mappings": object{"dynamic": false, "date_detection": false, "numeric_detection": false, "properties": properties(o)},
		},
	}
	if out.DataStream {
		main["data_stream"] = object{}
	}
	all := []made{{nameOf(out.Index), main}}
	if out.DeadLetter == options.DeadLetterIndex {
		all = append(all, made{nameOf(out.DeadLetterIndex), object{
			"index_patterns": []string{out.DeadLetterIndex},
			"priority":       templatePriority + 1,
			"version":        templateVersion,
			"template": object{
				"settings": settings(object{}),
				"mappings": object{"dynamic": false, "date_detection": false, "numeric_detection": false, "properties": object{
					"@timestamp": object{"type": "date_nanos"},
					"message":    text(),
					"index":      keyword(), "id": keyword(), "tag": keyword(),
					"error": object{"dynamic": false, "properties": object{"type": keyword(), "message": text(), "status": number("long")}},
				}},
			},
		}})
	}
	return all
}

// rollover is when a data stream gets a new index.
const rollover = 24 * time.Hour

// ilmPolicy returns a policy of Elasticsearch's index lifecycle management.
func ilmPolicy(o *options.Output) object {
	phases := object{"hot": object{"actions": object{}}}
	if o.DataStream {
		phases["hot"] = object{"actions": object{"rollover": object{"max_age": hours(rollover), "max_primary_shard_size": "50gb"}}}
	}
	if o.Retention > 0 {
		phases["delete"] = object{"min_age": hours(o.Retention), "actions": object{"delete": object{}}}
	}
	return object{"policy": object{"phases": phases}}
}

// ismPolicy returns a policy of OpenSearch's index state management. It names the indices
// itself.
func ismPolicy(o *options.Output) object {
	patterns := []string{pattern(o.Index)}
	if o.DeadLetter == options.DeadLetterIndex {
		patterns = append(patterns, o.DeadLetterIndex)
	}
	hot := object{"name": "hot", "actions": []any{}, "transitions": []any{}}
	states := []any{hot}
	if o.DataStream {
		hot["actions"] = []any{object{"rollover": object{"min_index_age": hours(rollover), "min_primary_shard_size": "50gb"}}}
	}
	if o.Retention > 0 {
		hot["transitions"] = []any{object{"state_name": "delete", "conditions": object{"min_index_age": hours(o.Retention)}}}
		states = append(states, object{"name": "delete", "actions": []any{object{"delete": object{}}}, "transitions": []any{}})
	}
	return object{"policy": object{
		"default_state": "hot",
		"states":        states,
		"ism_template":  []any{object{"index_patterns": patterns, "priority": templatePriority}},
	}}
}

// hours formats a time for the servers.
func hours(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return fmt.Sprintf("%dh", d/time.Hour)
}

// digest returns a hash of what is to be made, to see whether it has changed.
func digest(body object) string {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // there are only maps, slices, texts and numbers in it
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// meta returns what marks something as made here.
func meta(body object) object {
	return object{"managed_by": managedBy, "version": templateVersion, "digest": digest(body)}
}

// TemplateFile returns the index template with the default options as a file, for those who
// deliver with another output than this plugin's: for indices whose names match kata-*.
func TemplateFile() []byte {
	t := templates(options.Default(), "")[0]
	t.body["_meta"] = object{"managed_by": managedBy, "version": templateVersion}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(t.body); err != nil {
		panic(err)
	}
	return b.Bytes()
}
