//go:build cgo

package host

// Tests of this package read headers of fluent-bit-go, so go.mod must require it.
import _ "github.com/fluent/fluent-bit-go/output"
