package options

import "strings"

// foreign are names of other plugins' options that one may take for this plugin's, with the
// name that is meant here, if there is one.
var foreign = map[Plugin]map[string]string{OutputPlugin: {
	"hosts": "url", "endpoint": "url", "path": "url", "cloud_id": "url",
	"user": "http_user", "username": "http_user", "cloud_auth": "http_user", "password": "http_passwd", "http_password": "http_passwd",
	"bearer_token": "bearer_token_file", "token": "bearer_token_file", "cert_file": "crt_file", "tls_ca_file": "ca_file", "cafile": "ca_file",
	"logstash_format": "index", "logstash_prefix": "index", "logstash_dateformat": "index", "index_name": "index",
	"compression": "compress", "filename": "file", "flush_size": "bulk_size", "batch_size": "bulk_size",
	"generate_id": "", "id_key": "", "write_operation": "", "suppress_type_name": "", "type": "", "time_key": "", "time_key_nanos": "",
	"replace_dots": "", "trace_error": "", "trace_output": "", "buffer_size": "", "include_tag_key": "", "aws_auth": "",
}, InputPlugin: {
	"max_entries": "max_batch", "filters": "systemd_filter", "systemd_filters": "systemd_filter", "systemd_filter_type": "", "db.sync": "",
}}

// Misspelt returns the options that are set and do not exist, as far as they can be found by
// asking: names that differ from one of the plugin's in one letter, one that is too many, or
// missing, or two that are exchanged, and names of other plugins' options. Each comes with
// what was probably meant, which may be empty. It is for versions of Fluent Bit that do not
// check names themselves.
func Misspelt(p Plugin, get Getter) (found map[string]string) {
	found = map[string]string{}
	known := map[string]bool{}
	for i := range Table {
		if Table[i].Of(p) {
			known[Table[i].Name] = true
		}
	}
	seen := map[string]bool{}
	try := func(name, meant string) {
		if name == "" || known[name] || seen[name] {
			return
		}
		seen[name] = true
		if _, isSet := get(name); isSet {
			found[name] = meant
		}
	}
	const letters = "abcdefghijklmnopqrstuvwxyz_-."
	for name := range known {
		try(strings.ReplaceAll(name, "_", "-"), name)
		try(strings.ReplaceAll(name, "_", "."), name)
		try(strings.ReplaceAll(name, "_", ""), name)
		for i := 0; i <= len(name); i++ {
			for _, c := range letters {
				try(name[:i]+string(c)+name[i:], name)
				if i < len(name) {
					try(name[:i]+string(c)+name[i+1:], name)
				}
			}
			if i < len(name) {
				try(name[:i]+name[i+1:], name)
			}
			if i+1 < len(name) {
				try(name[:i]+name[i+1:i+2]+name[i:i+1]+name[i+2:], name)
			}
		}
	}
	for name, meant := range foreign[p] {
		try(name, meant)
	}
	return found
}
