package elastic

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
)

// id identifies a record: 6 bytes of its event time, in units of 2^16 ns, and 12 bytes of a
// hash. The time comes first since ids that ascend take less of an index. As text, in URL-safe
// base64, which the servers store as these bytes again, it has 24 characters.
type id [18]byte

const (
	idTime = 6
	idText = 24
)

func (d *id) appendText(dst []byte) []byte { return base64.RawURLEncoding.AppendEncode(dst, d[:]) }

// numbered returns the id of the nth record, from 0 on, of those that have the id d.
func (d id) numbered(n uint32) id {
	if n == 0 {
		return d
	}
	var b [len(d) + 4]byte
	copy(b[:], d[:])
	binary.BigEndian.PutUint32(b[len(d):], n)
	sum := sha256.Sum256(b[:])
	copy(d[idTime:], sum[:])
	return d
}

// sameTime reports whether two records have the same time, as exactly as their ids have it.
func (d *id) sameTime(other *id) bool {
	return [idTime]byte(d[:idTime]) == [idTime]byte(other[:idTime])
}

// key is a short form of an id, for tables. That two ids have the same is rare, and only lets
// records that differ be counted together.
func (d *id) key() uint64 { return binary.LittleEndian.Uint64(d[idTime:]) }

// identifier computes the ids of a chunk's records as Fluent Bit has passed them, so that they
// depend neither on how they are transformed nor on the version that does. Equal records have
// equal ids; the ledger numbers them. It is not safe for concurrent use.
type identifier struct {
	prefix string
	own    []string
	host   []byte // for records that do not name theirs
	walk   event.Walker
	ev     event.Event
	buf    []byte
	ids    []id
	starts []int // offsets of the records in the chunk
}

// hostKeys are fields that tell the node a record comes from, as the systemd input spells
// them.
var hostKeys = []string{"_MACHINE_ID", "_machine_id", "MACHINE_ID", "machine_id", "_HOSTNAME", "_hostname", "HOSTNAME", "hostname"}

// newIdentifier returns an identifier. Keys with the prefix, if it is not empty, and the own
// keys are of this plugin's, and left out: a filter may have added them before.
func newIdentifier(prefix, hostname string, own ...string) *identifier {
	d := &identifier{prefix: prefix, host: []byte(hostname)}
	for _, key := range own {
		if key != "" {
			d.own = append(d.own, key)
		}
	}
	d.walk.Want(slices.Concat(hostKeys, d.own), (prefix + "\xff")[0])
	return d
}

// read computes d.ids and d.starts, which are valid until the next call.
func (d *identifier) read(chunk []byte) {
	d.ids, d.starts = d.ids[:0], d.starts[:0]
	d.walk.Reset(chunk)
	for d.walk.Next(&d.ev) {
		if d.ev.Log {
			d.ids = append(d.ids, d.of(chunk))
			d.starts = append(d.starts, d.ev.Start)
		}
	}
	d.walk.Reset(nil)
}

// of returns the id of the event that was read last.
func (d *identifier) of(chunk []byte) (one id) {
	e := &d.ev
	d.walk.Wanted(e)
	named, own := false, false
	for i := range e.Pairs {
		switch p := &e.Pairs[i]; {
		case d.isOwn(chunk[p.Key:p.Value]):
			own = true
		case slices.Contains(hostKeys, string(chunk[p.Key:p.Value])):
			named = true
		}
	}
	b := binary.BigEndian.AppendUint64(d.buf[:0], uint64(e.Sec))
	b = binary.BigEndian.AppendUint32(b, e.Nsec)
	if !named {
		b = append(b, d.host...)
	}
	b = append(b, 0)
	body := len(b)
	if own {
		d.walk.All(e)
		for i := range e.Pairs {
			if p := &e.Pairs[i]; !d.isOwn(chunk[p.Key:p.Value]) {
				b = append(b, chunk[p.At:p.End]...)
			}
		}
	}
	if len(b) == body { // also when all fields are this plugin's
		b = append(b, chunk[e.First:e.BodyEnd]...)
	}
	d.buf = b
	sum := sha256.Sum256(b)
	sec, nsec := sink.ClampTime(e.Sec, e.Nsec)
	var time [8]byte
	binary.BigEndian.PutUint64(time[:], uint64(sec)*1e9+uint64(nsec))
	copy(one[:idTime], time[:])
	copy(one[idTime:], sum[:])
	return one
}

// isOwn reports whether a key is one that this plugin writes.
func (d *identifier) isOwn(key []byte) bool {
	return d.prefix != "" && len(key) > len(d.prefix) && string(key[:len(d.prefix)]) == d.prefix || slices.Contains(d.own, string(key))
}
