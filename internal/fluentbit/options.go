//go:build cgo

package fluentbit

import "github.com/kata-logs/fluent-bit-kata/internal/options"

// ParseOptions parses an instance's options, for one of the plugins. If any is not valid, it logs each error on a
// line of its own and returns nil.
func ParseOptions(log Logger, p options.Plugin, get options.Getter) *options.Options {
	opts, err := options.Parse(p, get)
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

// WarnMisspelt logs the options that are set and do not exist, as far as they can be found. A Fluent
// Bit that checks names has refused these.
func WarnMisspelt(log Logger, p options.Plugin, get options.Getter) {
	for name, meant := range options.Misspelt(p, get) {
		if meant != "" {
			meant = "; is " + meant + " meant?"
		}
		log.Warnf("there is no option %s, so that it has no effect%s", name, meant)
	}
}
