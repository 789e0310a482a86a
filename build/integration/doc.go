// Package integration tests how the output kata delivers to real Elasticsearch and OpenSearch
// servers while something fails, and compares it with Fluent Bit's own output es behind the
// filter kata.
//
//	FLUENT_BIT=/path/to/fluent-bit go test -tags integration -count=1 -timeout 2h -v ./build/integration
//
// Without FLUENT_BIT the stand-in of internal/host loads the output, and cases that only Fluent
// Bit has, such as a hot reload, are skipped. -servers names one of the servers of
// servers/archives.txt; otherwise there is one after the other, each is started once, and each
// case has an index of its own. TestSoak needs no such server; it runs for the time in -soak.
// -write writes the tables of docs/delivery.md. -run 'TestDelivery/opensearch/normal' runs one case.
//
// It needs Java 17 or newer and Maven, which downloads the servers (170 MB) into the user's
// cache directory; with Fluent Bit also systemd-journal-remote (SYSTEMD_JOURNAL_REMOTE, or
// where distributions put it). A server takes 1.3 GB of memory. As root the servers run as
// nobody. All sockets listen on loopback.
package integration
