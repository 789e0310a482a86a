package sink

import (
	"bytes"
	"hash/maphash"
	"slices"
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

	known  []known           // the first one is what is before a record's first pair
	byKey  map[string]uint32 // index in known by raw[:key]
	byName map[string]uint32 // and by text[:head], of the first one with that
	bytes  int               // of keys and names in known
}

// nameAt is a name in a map of the record that is being written.
type nameAt struct {
	of         uint32 // id of the map; one of an earlier record means that the entry is free
	start, end uint32 // where its JSON is in the output
}

// known is a pair with one of the keys that records have had at their top, in msgpack and as
// it was written: the last one with that key whose value is not long. Records have the same
// keys and many equal values, so that most pairs only have to be compared.
type known struct {
	raw    []byte
	key    int // length of the key in raw
	text   []byte
	head   int    // length of what is before the value in text: a comma, the name and a colon
	same   uint32 // index of the first one that is written with the same name
	record uint32 // Encoder.first of the last record that has the name, if it is the first one
	next   uint32 // index of the key that came behind this one last; 0 if none did
}

// Limits of what is known, which is forgotten beyond them.
const (
	maxKnown = 1024    // keys
	maxBytes = 1 << 20 // bytes of keys and names
	maxRaw   = 192     // bytes of a pair in msgpack
	maxText  = 256     // and as it was written
	maxPairs = 256     // pairs of a record; no more is learned from one that has more
)

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
		e.table, e.maps, e.known = make([]nameAt, 256), 0, nil
	}
	e.maps++
	e.first, e.used = e.maps, 0
	e.t.SetBuffer(dst)
	e.t.WriteRaw(`{"@timestamp":"`)
	e.t.SetBuffer(appendTimestamp(e.t.Buffer(), ev.Sec, ev.Nsec))
	e.t.WriteRaw(`"`)
	e.pairs(chunk, ev.First, ev.Len)
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
		dst = append(dst, "000000000"[:width]...)
		for i := len(dst) - 1; n > 0; i-- {
			dst[i] += byte(n % 10)
			n /= 10
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

// pairs writes the n pairs at the top of a record, which start at i.
func (e *Encoder) pairs(b []byte, i, n int) {
	if n > maxPairs {
		for range n {
			start := e.t.Buffered()
			if value, isNew := e.begin(b, i, e.first, 0, true); isNew {
				i = e.topValue(b, value, start)
			} else {
				i = event.Skip(b, value)
			}
		}
		return
	}
	if len(e.known) == 0 || len(e.known)+n > maxKnown || e.bytes > maxBytes {
		e.known, e.byKey, e.byName, e.bytes = make([]known, 1, maxPairs), map[string]uint32{}, map[string]uint32{}, 0
	}
	before := uint32(0)
	for range n {
		at := e.known[before].next
		if p := &e.known[at]; at == 0 || !bytes.HasPrefix(b[i:], p.raw[:p.key]) {
			at = e.find(b, i)
			e.known[before].next = at
		}
		before = at
		p := &e.known[at]
		if first := &e.known[p.same]; first.record != e.first {
			first.record = e.first
		} else { // the map has that name already
			i = event.Skip(b, i+p.key)
			continue
		}
		out := e.t.Buffer()
		if len(p.raw) > p.key && bytes.HasPrefix(b[i:], p.raw) {
			e.t.SetBuffer(append(out, p.text...))
			i += len(p.raw)
			continue
		}
		e.t.SetBuffer(append(out, p.text[:p.head]...))
		end := e.topValue(b, i+p.key, len(out))
		p.keep(b[i:end], e.t.Buffer()[len(out):])
		i = end
	}
}

// find returns the index in e.known of the key at i, which is added if it is not there.
func (e *Encoder) find(b []byte, i int) uint32 {
	raw := b[i:event.Skip(b, i)]
	if at, found := e.byKey[string(raw)]; found {
		return at
	}
	start := e.t.Buffered()
	e.t.WriteMore()
	e.t.key(b, i, 0)
	e.name(start+1, true)
	e.t.WriteRaw(":")
	text := slices.Clone(e.t.Buffer()[start:])
	e.t.SetBuffer(e.t.Buffer()[:start])
	at := uint32(len(e.known))
	same, found := e.byName[string(text)]
	if !found {
		same = at
		e.byName[string(text)] = at
	}
	e.byKey[string(raw)] = at
	e.known = append(e.known, known{raw: slices.Clone(raw), key: len(raw), text: text, head: len(text), same: same})
	e.bytes += len(raw) + len(text)
	return at
}

// keep takes another value, unless it is long.
func (p *known) keep(raw, text []byte) {
	if len(raw) <= maxRaw && len(text) <= maxText {
		p.raw, p.text = append(p.raw[:p.key], raw[p.key:]...), append(p.text[:p.head], text[p.head:]...)
	}
}

// topValue writes the value at i of a pair at the top, which starts at start of the output, and
// returns where it ends.
func (e *Encoder) topValue(b []byte, i, start int) int {
	from := e.t.Buffered()
	if !isContainer(b[i]) || e.Scalar == nil || !e.Scalar(e.t.Buffer()[start+len(`,"`):from-len(`":`)]) {
		return e.any(b, i, 1)
	}
	end := e.any(b, i, 1)
	out := e.t.Buffer()
	if !bytes.ContainsAny(out[from:], "{") { // an array of scalars is fine
		return end
	}
	e.value = append(e.value[:0], out[from:]...)
	e.t.SetBuffer(out[:from])
	e.t.str(e.value)
	return end
}

// begin writes what is before the value of the pair at i: a comma, if more is true, the name,
// and a colon. It returns where the value is, and whether the name is new. If it is not,
// nothing is written.
func (e *Encoder) begin(b []byte, i int, of uint32, depth int, more bool) (value int, isNew bool) {
	start := e.t.Buffered()
	if more {
		e.t.WriteMore()
	}
	quote := e.t.Buffered()
	i = e.t.key(b, i, depth)
	e.name(quote, depth == 0)
	if out := e.t.Buffer(); !e.add(of, quote, len(out), maphash.Bytes(e.seed, out[quote:])) {
		e.t.SetBuffer(out[:start])
		return i, false
	}
	e.t.WriteRaw(":")
	return i, true
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

// add adds a name, which is in the output from start to end, to a map, and reports whether it
// is new.
func (e *Encoder) add(of uint32, start, end int, hash uint64) bool {
	if e.used++; e.used > len(e.table)/2 {
		e.grow()
	}
	b := e.t.Buffer()
	mask := len(e.table) - 1
	for k := int(hash) & mask; ; k = (k + 1) & mask {
		n := &e.table[k]
		if n.of < e.first {
			*n = nameAt{of, uint32(start), uint32(end)}
			return true
		}
		if n.of == of && bytes.Equal(b[n.start:n.end], b[start:end]) {
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

// any writes the value at i, in whose maps no name comes twice, and returns where it ends.
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
		value, isNew := e.begin(b, next, of, depth, e.t.Buffered() > start)
		if !isNew {
			next = event.Skip(b, value)
			continue
		}
		next = e.any(b, value, depth+1)
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
