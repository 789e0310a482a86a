//go:build !katatest && cgo

package fluentbit

import "time"

// reportInterval is the least time between two log lines with the counts of a running
// instance.
const reportInterval = 5 * time.Minute

// failOnDemand does nothing in a library that is not for tests.
func failOnDemand(tag, chunk []byte) {}

// printHeap does nothing in a library that is not for tests.
func printHeap() {}
