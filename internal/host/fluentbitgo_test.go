//go:build cgo

package host

// Tests of this package read headers of fluent-bit-go: go.mod has to name it.
import _ "github.com/fluent/fluent-bit-go/output"
