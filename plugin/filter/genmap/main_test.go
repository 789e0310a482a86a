package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

func TestHeader(t *testing.T) {
	for _, plugin := range []options.Plugin{options.FilterPlugin, options.OutputPlugin, options.InputPlugin} {
		have, err := os.ReadFile("../../" + string(plugin) + "/config_map.h")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, render(options.Table, plugin)) {
			t.Errorf("plugin/%s/config_map.h is stale: run go generate ./plugin/%s", plugin, plugin)
		}
	}
}

// Every kind has a type of config map row.
func TestTypes(t *testing.T) {
	for _, row := range options.Table {
		if mapType[row.Kind] == "" {
			t.Errorf("%s: kind %v has no config map type", row.Name, row.Kind)
		}
	}
}

// Options whose names Fluent Bit uses itself would never reach the plugin.
func TestReservedNames(t *testing.T) {
	reserved := map[string]bool{
		// every instance
		"alias": true, "log_level": true, "log_suppress_interval": true, "match": true, "match_regex": true,
		"active": true, "condition": true, "name": true,
		// outputs
		"host": true, "ipv6": true, "port": true, "tls": true, "uri": true, "workers": true, "retry_limit": true,
		"storage.total_limit_size": true, "processors": true, "test": true,
		// inputs
		"tag": true, "mem_buf_limit": true, "listen": true, "routable": true, "threaded": true, "storage.type": true, "rate_window": true,
		// processors
		"interface": true, "opts": true,
	}
	for _, row := range options.Table {
		if reserved[row.Name] {
			t.Errorf("%s is a name that Fluent Bit uses itself", row.Name)
		}
	}
}
