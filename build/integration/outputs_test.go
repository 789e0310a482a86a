//go:build integration

package integration

import "strings"

// kata is the output kata. Requests are not compressed, so that their bytes can be compared.
var kata = output{name: "kata", ours: true, options: func(r *run) []pair {
	user, password := r.credentials()
	options := []pair{
		{"url", r.url}, {"index", r.index}, {"dead_letter_index", r.dead()},
		{"http_user", user}, {"http_passwd", password}, {"compress", "none"},
		{"timeout", "60s"}, // a busy machine is no fault
	}
	for _, p := range r.more {
		found := false
		for i := range options {
			if found = options[i].key == p.key; found {
				options[i] = p
				break
			}
		}
		if !found {
			options = append(options, p)
		}
	}
	return options
}}

// whole is the output kata behind the input kata.
var whole = output{name: "whole", ours: true, input: true, options: func(r *run) []pair { return append(kata.options(r), pair{"parse", "off"}) }}

// es is Fluent Bit's own output behind the filter kata, with as few options as possible.
var es = output{name: "es", options: elasticsearch}

// esBest is the same with the options that lose and double least.
var esBest = output{name: "es best", options: func(r *run) []pair {
	return append(elasticsearch(r), pair{"generate_id", "on"}, pair{"retry_limit", "no_limits"}, pair{"buffer_size", "false"},
		pair{"time_key_nanos", "on"})
}}

func elasticsearch(r *run) []pair {
	user, password := r.credentials()
	address, https := strings.CutPrefix(r.url, "https://")
	address = strings.TrimPrefix(address, "http://")
	host, port, _ := strings.Cut(address, ":")
	options := []pair{
		{"host", host}, {"port", port}, {"index", r.index}, {"suppress_type_name", "on"},
		{"http_user", user}, {"http_passwd", password},
	}
	if https {
		options = append(options, pair{"tls", "on"}, pair{"tls.ca_file", "ca.pem"})
	}
	return options
}
