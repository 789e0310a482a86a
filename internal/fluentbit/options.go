//go:build cgo

package fluentbit

import "github.com/kata-logs/fluent-bit-kata/internal/options"

// ParseOptions parses an instance's options. If any is not valid, it logs each error on a
// line of its own and returns nil.
func ParseOptions(log Logger, get options.Getter) *options.Options {
	opts, err := options.Parse(get)
	if err == nil {
		return opts
	}
	LogErrors(log, err)
	return nil
}

// LogErrors logs an error, or each of those that were joined, on a line of its own.
func LogErrors(log Logger, err error) {
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	for _, err := range errs {
		log.Errorf("%v", err)
	}
}
