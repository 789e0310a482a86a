package journal

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ID is a 128-bit ID: of a boot, a machine, a file or a source of sequence numbers.
type ID [16]byte

// String returns the ID as 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether all of the ID's bits are 0, which stands for no ID.
func (id ID) IsZero() bool { return id == ID{} }

// ParseID reads an ID of 32 hexadecimal digits, or of the form of a UUID.
func ParseID(s string) (id ID, err error) {
	digits := s
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		digits = strings.ReplaceAll(s, "-", "")
	}
	if len(digits) != 32 {
		return ID{}, fmt.Errorf("journal: %q is no ID of 32 hexadecimal digits", s)
	}
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, fmt.Errorf("journal: %q is no ID of 32 hexadecimal digits", s)
	}
	return id, nil
}

// Incompatible flags of a file.
const (
	flagXZ = 1 << iota
	flagLZ4
	flagKeyed
	flagZSTD
	flagCompact

	knownFlags = flagXZ | flagLZ4 | flagKeyed | flagZSTD | flagCompact
)

// Flags of a data object: how its payload is compressed.
const (
	dataXZ = 1 << iota
	dataLZ4
	dataZSTD

	dataCompressed = dataXZ | dataLZ4 | dataZSTD
)

// Types of objects.
const (
	typeData = iota + 1
	typeField
	typeEntry
	typeDataHashTable
	typeFieldHashTable
	typeEntryArray
	typeTag
)

// Sizes of what is before the payload or the items of an object.
const (
	objectHeader     = 16
	fieldHeader      = 40
	entryHeader      = 64
	arrayHeader      = 24
	dataHeader       = 64
	dataHeaderCompat = 72 // of compact files

	minHeader = 208 // of a file, before 187 of systemd
)

const stateArchived = 2 // of a file that is not written to any more

// maxTime is what systemd takes for a valid time, in microseconds.
const maxTime = 1 << 55

var (
	errShort     = errors.New("the file ends before the object does")
	errArray     = errors.New("an entry array is invalid")
	errHashTable = errors.New("the hash table is invalid")
	errEntry     = errors.New("an entry is invalid")
	errData      = errors.New("a data object is invalid")
	errSize      = errors.New("the file is shorter than its header says")
	errXor       = errors.New("an entry does not have the fields that it was written with")
	errHash      = errors.New("the hash of a data object is wrong")
)

// ErrNotJournal is the error for a file that does not start as a journal file does.
var ErrNotJournal = errors.New("not a journal file")

// IncompatibleError is the error for a file that uses a feature that this package does not know.
type IncompatibleError struct {
	Flags uint32 // the unknown bits of the header's incompatible flags
}

func (e *IncompatibleError) Error() string {
	return fmt.Sprintf("the journal file has unknown incompatible flags %#x: it was written by a newer systemd", e.Flags)
}

// header has what is used of a file's header.
type header struct {
	flags           uint32
	state           byte
	fileID          ID
	machineID       ID
	seqnumID        ID
	headerSize      uint64
	end             uint64 // of the part of the file that is in use
	dataTable       uint64
	dataTableItems  uint64
	fieldTable      uint64
	fieldTableItems uint64
	tailObject      uint64
	entries         uint64
	tailSeqnum      uint64
	entryArray      uint64
	headRealtime    uint64
	tailRealtime    uint64
	dataHeader      uint64 // derived from the flags, as are the following
	entryItem       uint64
	arrayItem       uint64
	damage          error
}

// read sets h to the header that b starts with. size is that of the file.
func (h *header) read(b []byte, size uint64) error {
	if len(b) < minHeader || string(b[:8]) != "LPKSHHRH" {
		return ErrNotJournal
	}
	le := binary.LittleEndian
	*h = header{
		flags:           le.Uint32(b[12:]),
		state:           b[16],
		fileID:          ID(b[24:40]),
		machineID:       ID(b[40:56]),
		seqnumID:        ID(b[72:88]),
		headerSize:      le.Uint64(b[88:]),
		dataTable:       le.Uint64(b[104:]),
		dataTableItems:  le.Uint64(b[112:]) / 16,
		fieldTable:      le.Uint64(b[120:]),
		fieldTableItems: le.Uint64(b[128:]) / 16,
		tailObject:      le.Uint64(b[136:]),
		entries:         le.Uint64(b[152:]),
		tailSeqnum:      le.Uint64(b[160:]),
		entryArray:      le.Uint64(b[176:]),
		headRealtime:    le.Uint64(b[184:]),
		tailRealtime:    le.Uint64(b[192:]),
		dataHeader:      dataHeader,
		entryItem:       16,
		arrayItem:       8,
	}
	if unknown := h.flags &^ knownFlags; unknown != 0 {
		return &IncompatibleError{Flags: unknown}
	}
	if h.flags&flagCompact != 0 {
		h.dataHeader, h.entryItem, h.arrayItem = dataHeaderCompat, 4, 4
	}
	arena := le.Uint64(b[96:])
	h.end = h.headerSize + arena
	switch {
	case h.headerSize < minHeader || h.headerSize%8 != 0 || h.headerSize > size:
		h.damage = errors.New("the header's size is invalid")
		h.headerSize = minHeader
		h.end = size
	case h.end < arena || h.end > size:
		h.damage = errSize
		h.end = size
	case h.state > stateArchived:
		h.damage = errors.New("the header's state is invalid")
	case h.tailObject > h.end || h.tailObject%8 != 0 || h.entryArray%8 != 0 || h.dataTable%8 != 0 || h.fieldTable%8 != 0:
		h.damage = errors.New("an offset in the header is invalid")
	}
	return nil
}

// hash returns the hash of data objects, which depends on the file.
func (h *header) hash(p []byte) uint64 {
	if h.flags&flagKeyed != 0 {
		return siphash24(&h.fileID, p)
	}
	return jenkins64(p)
}
