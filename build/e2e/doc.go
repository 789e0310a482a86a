// Package e2e tests the libraries in a real Fluent Bit: journals made of the contract's cases,
// the corpora, the examples and the image's configuration pass through Fluent Bit's own
// inputs, the plugin, and Fluent Bit's own outputs.
//
//	FLUENT_BIT=/path/to/fluent-bit go test -tags e2e -count=1 ./build/e2e
//
// It needs Fluent Bit (FLUENT_BIT, or fluent-bit on PATH) and
// systemd-journal-remote, which writes the journals (SYSTEMD_JOURNAL_REMOTE, or
// where distributions put it), and fails without them. One test runs a
// systemd-journald (SYSTEMD_JOURNALD, or where distributions put it) with mounts
// of its own, which needs root; otherwise it is skipped. Nothing else needs
// root, and all sockets listen on loopback.
package e2e
