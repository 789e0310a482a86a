package scan

// Ending is what ends a text that is unquoted, beside its length. It is an array, and not
// a struct, since assembly reads it: all ones if a quote ends it, and eight times the
// first byte above the control bytes that do, 0 for none.
type Ending [2]uint64

var (
	NoEnd    = Ending{}                       // nothing does
	QuoteEnd = Ending{^uint64(0)}             // a quote
	InJSON   = Ending{^uint64(0), Ones * ' '} // a quote or a control byte
)
