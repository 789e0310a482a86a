package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// writer writes a journal file from the description of the format, in the forms that the
// installed journald does not write. That journalctl reads its files shows that it is right.
type writer struct {
	b          []byte
	flags      uint32
	compat     uint32
	compress   byte // flag of data objects
	threshold  int  // payloads from this size on are compressed
	id, seq    ID
	machine    ID
	seqnum     uint64
	last       uint64 // the last object
	objects    [8]uint64
	data       map[string]uint64
	fields     map[string]uint64
	main       list
	lists      map[uint64]*list
	tailBoot   ID
	head, tail uint64 // times
	tailMono   uint64
}

// list is where the writer appends to the list of an object.
type list struct {
	first, array, items, used, n uint64
}

const (
	writerHeader = 272
	dataBuckets  = 199
	fieldBuckets = 23
)

var le = binary.LittleEndian

func newWriter(flags uint32, compress byte, id byte) *writer {
	w := &writer{
		flags: flags, compress: compress, threshold: 512,
		id: ID{0xf1, id}, seq: ID{0x5e, id}, machine: ID{0x3a, 1},
		data: map[string]uint64{}, fields: map[string]uint64{}, lists: map[uint64]*list{},
	}
	w.b = make([]byte, writerHeader)
	w.object(typeFieldHashTable, 0, make([]byte, fieldBuckets*16))
	w.object(typeDataHashTable, 0, make([]byte, dataBuckets*16))
	return w
}

func (w *writer) compact() bool { return w.flags&flagCompact != 0 }

func (w *writer) object(kind, flags byte, payload []byte) uint64 {
	for len(w.b)%8 != 0 {
		w.b = append(w.b, 0)
	}
	at := uint64(len(w.b))
	w.b = append(w.b, kind, flags, 0, 0, 0, 0, 0, 0)
	w.b = le.AppendUint64(w.b, uint64(objectHeader+len(payload)))
	w.b = append(w.b, payload...)
	w.last = at
	w.objects[kind]++
	return at
}

func (w *writer) hash(p []byte) uint64 {
	if w.flags&flagKeyed != 0 {
		return siphash24(&w.id, p)
	}
	return jenkins64(p)
}

// link puts an object at the end of its hash chain.
func (w *writer) link(table, buckets, hash, at uint64) {
	item := table + hash%buckets*16
	if tail := le.Uint64(w.b[item+8:]); tail != 0 {
		le.PutUint64(w.b[tail+24:], at)
	} else {
		le.PutUint64(w.b[item:], at)
	}
	le.PutUint64(w.b[item+8:], at)
}

const (
	fieldTable = writerHeader + objectHeader
	dataTable  = fieldTable + fieldBuckets*16 + objectHeader
)

func (w *writer) addData(payload []byte) uint64 {
	if at, ok := w.data[string(payload)]; ok {
		return at
	}
	hash := w.hash(payload)
	stored, flags := payload, byte(0)
	if w.compress != 0 && len(payload) >= w.threshold {
		if c := compress(w.compress, payload); len(c) < len(payload) {
			stored, flags = c, w.compress
		}
	}
	head := make([]byte, dataHeader-objectHeader)
	if w.compact() {
		head = make([]byte, dataHeaderCompat-objectHeader)
	}
	le.PutUint64(head, hash)
	at := w.object(typeData, flags, append(head, stored...))
	w.link(dataTable, dataBuckets, hash, at)
	w.data[string(payload)] = at

	name, _, _ := bytes.Cut(payload, []byte("="))
	field, ok := w.fields[string(name)]
	if !ok {
		hash := w.hash(name)
		head := make([]byte, fieldHeader-objectHeader)
		le.PutUint64(head, hash)
		field = w.object(typeField, 0, append(head, name...))
		w.link(fieldTable, fieldBuckets, hash, field)
		w.fields[string(name)] = field
	}
	copy(w.b[at+32:at+40], w.b[field+32:field+40])
	le.PutUint64(w.b[field+32:], at)
	return at
}

// add adds a field to the writer's next entry.
func field(name, value string) []byte { return []byte(name + "=" + value) }

func (w *writer) add(realtime, monotonic uint64, boot ID, fields ...[]byte) uint64 {
	fields = append(fields, field("_BOOT_ID", boot.String()))
	var xor uint64
	var items []byte
	var at []uint64
	for _, f := range fields {
		d := w.addData(f)
		at = append(at, d)
		xor ^= jenkins64(f)
		if w.compact() {
			items = le.AppendUint32(items, uint32(d))
		} else {
			items = le.AppendUint64(items, d)
			items = le.AppendUint64(items, w.hash(f))
		}
	}
	w.seqnum++
	var b []byte
	for _, v := range []uint64{w.seqnum, realtime, monotonic} {
		b = le.AppendUint64(b, v)
	}
	b = append(b, boot[:]...)
	b = le.AppendUint64(b, xor)
	entry := w.object(typeEntry, 0, append(b, items...))
	w.append(&w.main, entry)
	for _, d := range at {
		l := w.lists[d]
		if l == nil {
			l = &list{}
			w.lists[d] = l
			le.PutUint64(w.b[d+40:], entry)
		} else {
			w.append(l, entry)
			le.PutUint64(w.b[d+48:], l.first)
		}
		le.PutUint64(w.b[d+56:], l.n+1)
		if w.compact() {
			le.PutUint32(w.b[d+64:], uint32(l.array))
			le.PutUint32(w.b[d+68:], uint32(l.used))
		}
	}
	if w.head == 0 {
		w.head = realtime
	}
	w.tail, w.tailMono, w.tailBoot = realtime, monotonic, boot
	return entry
}

// append puts an entry into a list of entry arrays, each twice as large as the one before.
func (w *writer) append(l *list, entry uint64) {
	size := uint64(8)
	if w.compact() {
		size = 4
	}
	if l.used == l.items {
		l.items = max(4, 2*l.items)
		a := w.object(typeEntryArray, 0, make([]byte, 8+l.items*size))
		if l.array != 0 {
			le.PutUint64(w.b[l.array+16:], a)
		} else {
			l.first = a
		}
		l.array, l.used = a, 0
	}
	if w.compact() {
		le.PutUint32(w.b[l.array+arrayHeader+l.used*4:], uint32(entry))
	} else {
		le.PutUint64(w.b[l.array+arrayHeader+l.used*8:], entry)
	}
	l.used++
	l.n++
}

// bytes returns the file.
func (w *writer) bytes(state byte) []byte {
	end := (len(w.b) + 7) &^ 7
	b := append(bytes.Clone(w.b), make([]byte, end-len(w.b))...)
	copy(b, "LPKSHHRH")
	le.PutUint32(b[8:], w.compat)
	le.PutUint32(b[12:], w.flags)
	b[16] = state
	copy(b[24:], w.id[:])
	copy(b[40:], w.machine[:])
	copy(b[56:], w.tailBoot[:])
	copy(b[72:], w.seq[:])
	first := uint64(0)
	if w.seqnum > 0 {
		first = w.seqnum - w.main.n + 1
	}
	for i, v := range []uint64{
		writerHeader, uint64(end) - writerHeader, dataTable, dataBuckets * 16, fieldTable, fieldBuckets * 16,
		w.last, sum(w.objects[:]), w.main.n, w.seqnum, first, w.main.first, w.head, w.tail, w.tailMono,
		w.objects[typeData], w.objects[typeField], w.objects[typeTag], w.objects[typeEntryArray],
	} {
		le.PutUint64(b[88+8*i:], v)
	}
	le.PutUint32(b[256:], uint32(w.main.array))
	le.PutUint32(b[260:], uint32(w.main.used))
	return b
}

func sum(v []uint64) (s uint64) {
	for _, n := range v {
		s += n
	}
	return s
}

func compress(flag byte, p []byte) []byte {
	switch flag {
	case dataZSTD:
		e, err := zstd.NewWriter(nil)
		if err != nil {
			panic(err)
		}
		defer func() { _ = e.Close() }()
		return e.EncodeAll(p, nil)
	case dataLZ4:
		out := make([]byte, 8+lz4.CompressBlockBound(len(p)))
		le.PutUint64(out, uint64(len(p)))
		n, err := lz4.CompressBlock(p, out[8:], nil)
		if err != nil {
			panic(err)
		}
		if n == 0 {
			return p
		}
		return out[:8+n]
	case dataXZ:
		var b bytes.Buffer
		e, err := xz.WriterConfig{DictCap: 1 << 20, NoCheckSum: true}.NewWriter(&b)
		if err == nil {
			if _, err = e.Write(p); err == nil {
				err = e.Close()
			}
		}
		if err != nil {
			panic(err)
		}
		return b.Bytes()
	}
	panic("no such form")
}

// forms are the forms that a file may have.
var forms = []struct {
	name     string
	flags    uint32
	compress byte
}{
	{"regular-jenkins", 0, 0},
	{"regular-keyed", flagKeyed, 0},
	{"compact-keyed-zstd", flagCompact | flagKeyed | flagZSTD, dataZSTD},
	{"compact-keyed-lz4", flagCompact | flagKeyed | flagLZ4, dataLZ4},
	{"regular-jenkins-xz", flagXZ, dataXZ},
	{"regular-jenkins-lz4", flagLZ4, dataLZ4},
	{"compact-jenkins", flagCompact, 0},
}

// sample writes n entries of two boots and several programs.
func sample(w *writer, seed uint64, n int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	boots := []ID{{0xb0, byte(seed), 1}, {0xb0, byte(seed), 2}}
	realtime, monotonic := uint64(1700000000000000), uint64(1000)
	for i := range n {
		if i == n/2 {
			monotonic = 500
		}
		realtime += uint64(rng.IntN(2000))
		monotonic += uint64(rng.IntN(2000))
		fields := [][]byte{
			field("_HOSTNAME", "node"),
			field("PRIORITY", fmt.Sprint(rng.IntN(8))),
			field("SYSLOG_IDENTIFIER", []string{"kata", "containerd", "kubelet"}[rng.IntN(3)]),
			field("MESSAGE", fmt.Sprintf("entry %d of %d", i, seed)),
		}
		switch i % 16 {
		case 3:
			fields = append(fields, field("LONG", string(bytes.Repeat(fmt.Appendf(nil, "line %d, ", i), 100))))
		case 5:
			fields = append(fields, field("BINARY", "a\x00\n\xff"+fmt.Sprint(i)), field("EMPTY", ""))
		case 7:
			fields = append(fields, field("TWICE", "1"), field("TWICE", "2"), field("UTF8", "å\t€ \U0001f600"))
		}
		w.add(realtime, monotonic, boots[min(2*i/n, 1)], fields...)
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
