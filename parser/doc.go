// Package parser reads the log records of Kata Containers: one message goes in, a Record
// of typed fields comes out.
//
// It knows every form in which Kata's programs write, in versions 1.x to 4.x: logfmt and
// JSON of logrus, JSON of slog, logrus's form on a terminal, journal fields of the Rust
// runtime, and records and console text of the guest inside all of these. What a guest
// wrote is unpacked and marked, and never takes the place of what the host says.
//
// A Parser keeps its memory from one message to the next. The Record that Parse returns,
// and all slices that its methods return, belong to the Parser and are valid until its next
// Parse or Release; they may refer to the message, which must not change until then. Whoever
// keeps a name or a text longer copies it. A Parser is for one goroutine at a time. In
// steady state it allocates nothing.
//
// What a program needs for each key it makes once, by the index of the key: see Parser.Keys.
// A program that reads the streams of a journal itself tells the parser which entries are the
// rest of a line: see Continuation. Logfmt is the reader of pairs by itself.
//
// The package does no input or output, logs nothing, and imports nothing but the standard
// library and golang.org/x/sys. Before version 1.0.0 its interface may change in any minor
// version; the fields that it gives follow the table in docs/keys.md.
package parser
