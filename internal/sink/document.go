package sink

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// Encoder encodes records as documents for Elasticsearch and OpenSearch: what these servers
// would refuse, whatever the mapping, is never written. The zero Encoder is ready for use. It
// keeps its memory, and is not safe for concurrent use.
type Encoder struct {
	// Scalar reports whether a name at the top of a record has a mapping that takes no map;
	// one is then written as a string of JSON. nil if none has.
	Scalar func(name []byte) bool

	t     text
	seed  maphash.Seed
	table []nameAt // open addressing; its length is a power of two
	used  int      // entries of this record
	first uint32   // id of this record's first map
	maps  uint32   // the last id of a map
	value []byte
}

// nameAt is a name in a map of the record that is being written.
type nameAt struct {
	of         uint32 // id of the map; one of an earlier record means that the entry is free
	start, end uint32 // where its JSON is in the output
}

// The range of times that a server can index with nanoseconds, in seconds.
const (
	minSec  = 0
	maxSec  = 9223372036 // 2262-04-11T23:47:16Z
	maxNsec = 854775807
)

// ClampTime returns the nearest time that can be indexed with nanoseconds. nsec may be a
// second or more.
func ClampTime(sec int64, nsec uint32) (int64, uint32) {
	const billion = 1e9
	if sec > maxSec {
		return maxSec, maxNsec
	}
	sec, nsec = sec+int64(nsec/billion), nsec%billion
	switch {
	case sec < minSec:
		return minSec, 0
	case sec > maxSec, sec == maxSec && nsec > maxNsec:
		return maxSec, maxNsec
	}
	return sec, nsec
}

// Append appends the document of a log event of chunk, without a newline, and returns the
// extended slice. Its first field is @timestamp, the event's time in UTC; the record's own
// pairs follow.
//
// Of two equal names in one map the first is taken. A name that the server reserves gets an
// underscore at its start, and one that it cannot read, such as an empty one, is changed.
// Invalid UTF-8 becomes U+FFFD.
func (e *Encoder) Append(dst, chunk []byte, ev *event.Event) []byte {
	if e.table == nil {
		e.t, e.seed, e.table = appendTo(nil), maphash.MakeSeed(), make([]nameAt, 256)
	}
	if len(e.table) > 1<<14 || e.maps > 1<<31 { // after a record with very many names
		e.table, e.maps = make([]nameAt, 256), 0
	}
	e.maps++
	e.first, e.used = e.maps, 0
	e.t.SetBuffer(dst)
	e.t.WriteRaw(`{"@timestamp":"`)
	e.t.SetBuffer(appendTimestamp(e.t.Buffer(), ev.Sec, ev.Nsec))
	e.t.WriteRaw(`"`)
	i := ev.First
	for range ev.Len {
		i = e.pair(chunk, i, e.first, 0, true)
	}
	e.t.WriteRaw("}")
	dst = e.t.Buffer()
	e.t.SetBuffer(nil)
	return dst
}

// appendTimestamp appends a time as 2006-01-02T15:04:05.000000000Z.
func appendTimestamp(dst []byte, sec int64, nsec uint32) []byte {
	sec, nsec = ClampTime(sec, nsec)
	y, m, d := Date(sec)
	s := int(sec % 86400)
	digits := func(n, width int) {
		for p := [...]int{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000}[width-1]; p > 0; p /= 10 {
			dst = append(dst, '0'+byte(n/p%10))
		}
	}
	digits(y, 4)
	dst = append(dst, '-')
	digits(m, 2)
	dst = append(dst, '-')
	digits(d, 2)
	dst = append(dst, 'T')
	digits(s/3600, 2)
	dst = append(dst, ':')
	digits(s/60%60, 2)
	dst = append(dst, ':')
	digits(s%60, 2)
	dst = append(dst, '.')
	digits(int(nsec), 9)
	return append(dst, 'Z')
}

// Date returns the date in UTC of a time since 1970, in seconds. It is what time.Unix gives,
// at a third of its cost.
func Date(sec int64) (year, month, day int) {
	// Years that start in March, in eras of 400 years.
	z := sec/86400 + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day, month, year = int(doy-(153*mp+2)/5+1), int(mp+3), int(yoe+era*400)
	if month > 12 {
		month, year = month-12, year+1
	}
	return year, month, day
}

// reserved are names at the top of a document that the server has for itself.
var reserved = map[string]bool{
	"@timestamp": true,
	"_id":        true, "_index": true, "_type": true, "_routing": true, "_source": true, "_version": true, "_seq_no": true,
	"_primary_term": true, "_field_names": true, "_ignored": true, "_ignored_source": true, "_nested_path": true, "_nested": true,
	"_size": true, "_tier": true, "_doc_count": true, "_tsid": true, "_ts_routing_hash": true, "_data_stream_timestamp": true,
	"_feature": true, "_parent": true, "_timestamp": true, "_ttl": true, "_uid": true, "_all": true, "_inference_fields": true,
}

// isReserved reports whether a name is in reserved. Only lower-case ones are, which few names
// of a journal's with an underscore are.
func isReserved(name []byte) bool {
	return len(name) > 1 && (name[0] == '_' || name[0] == '@') && name[1] >= 'a' && reserved[string(name)]
}

// pair writes a comma, unless it is the first in its map, and the pair at i, or nothing if the
// map has its name already. It returns where the pair ends.
func (e *Encoder) pair(b []byte, i int, of uint32, depth int, more bool) int {
	start := e.t.Buffered()
	if more {
		e.t.WriteMore()
	}
	quote := e.t.Buffered()
	i = e.t.key(b, i, depth)
	e.name(quote, depth == 0)
	if !e.add(of, quote) {
		e.t.SetBuffer(e.t.Buffer()[:start])
		return event.Skip(b, i)
	}
	scalar := depth == 0 && i < len(b) && isContainer(b[i]) && e.Scalar != nil && e.Scalar(e.t.Buffer()[quote+1:e.t.Buffered()-1])
	e.t.WriteRaw(":")
	if !scalar {
		return e.any(b, i, depth+1)
	}
	from := e.t.Buffered()
	end := e.any(b, i, depth+1)
	out := e.t.Buffer()
	if !bytes.ContainsAny(out[from:], "{") { // an array of scalars is fine
		return end
	}
	e.value = append(e.value[:0], out[from:]...)
	e.t.SetBuffer(out[:from])
	e.t.str(e.value)
	return end
}

// isContainer reports whether a value is a map or an array.
func isContainer(c byte) bool { return c >= 0x80 && c < 0xa0 || c >= 0xdc && c <= 0xdf }

// name changes the name that has been written at quote if a server would refuse it.
func (e *Encoder) name(quote int, top bool) {
	b := e.t.Buffer()
	name := b[quote+1 : len(b)-1]
	switch {
	case len(name) == 0 || (name[0] <= ' ' || name[0] >= utf8.RuneSelf) && len(bytes.TrimSpace(name)) == 0:
		e.t.SetBuffer(append(b[:quote], `"_"`...))
	case top && isReserved(name):
		b = append(b, 0)
		copy(b[quote+2:], b[quote+1:len(b)-1])
		b[quote+1] = '_'
		e.t.SetBuffer(b)
	case bytes.IndexByte(name, '.') >= 0:
		// A dot separates names of objects, none of which may be blank.
		for part := range bytes.SplitSeq(name, []byte{'.'}) {
			if len(bytes.TrimSpace(part)) == 0 {
				for k, c := range name {
					if c == '.' {
						name[k] = '_'
					}
				}
				return
			}
		}
	}
}

// add adds the name that has been written at quote to a map, and reports whether it is new.
func (e *Encoder) add(of uint32, quote int) bool {
	if e.used++; e.used > len(e.table)/2 {
		e.grow()
	}
	b := e.t.Buffer()
	name := b[quote:]
	mask := len(e.table) - 1
	for k := int(maphash.Bytes(e.seed, name)) & mask; ; k = (k + 1) & mask {
		n := &e.table[k]
		if n.of < e.first {
			*n = nameAt{of, uint32(quote), uint32(len(b))}
			return true
		}
		if n.of == of && bytes.Equal(b[n.start:n.end], name) {
			e.used--
			return false
		}
	}
}

func (e *Encoder) grow() {
	old := e.table
	e.table = make([]nameAt, 2*len(old))
	mask := len(e.table) - 1
	for _, n := range old {
		if n.of < e.first {
			continue
		}
		k := int(maphash.Bytes(e.seed, e.t.Buffer()[n.start:n.end])) & mask
		for e.table[k].of != 0 {
			k = (k + 1) & mask
		}
		e.table[k] = n
	}
}

// any writes the value at i, with maps as pair has them, and returns where it ends.
func (e *Encoder) any(b []byte, i, depth int) int {
	if !isContainer(b[i]) || depth >= maxDepth {
		return e.t.value(b, i, depth)
	}
	isMap, n, next := container(b, i)
	if !isMap {
		e.t.WriteArrayStart()
		for k := range n {
			if k > 0 {
				e.t.WriteMore()
			}
			next = e.any(b, next, depth+1)
		}
		e.t.WriteArrayEnd()
		return next
	}
	e.maps++
	of := e.maps
	e.t.WriteObjectStart()
	start := e.t.Buffered()
	for range n {
		next = e.pair(b, next, of, depth, e.t.Buffered() > start)
	}
	e.t.WriteObjectEnd()
	return next
}

// container returns what the map or array at i is, how many pairs or elements it has, and
// where the first one starts.
func container(b []byte, i int) (isMap bool, n, next int) {
	switch c := b[i]; {
	case c < 0x90:
		return true, int(c & 0x0f), i + 1
	case c < 0xa0:
		return false, int(c & 0x0f), i + 1
	default:
		size, next := number(b, i+1, 2<<(c&1))
		return c >= 0xde, int(size), next
	}
}
