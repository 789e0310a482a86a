package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

var errTooLarge = errors.New("a compressed data object is too large")

const (
	maxCompressed = 64 << 20 // bytes of one object
	maxWindow     = 64 << 20 // memory that the format may ask for to decompress one object
)

// decoders are kept for the next object.
type decoders struct {
	zstd *zstd.Decoder
	from bytes.Reader
}

// decompress returns at most limit bytes of what p is the compressed form of, in memory of the
// arena, and whether there are more.
func (r *Reader) decompress(p []byte, flags byte, limit int) (out []byte, cut bool, err error) {
	defer func() {
		if v := recover(); v != nil { // of a decoder, for what it did not expect
			r.decoders.zstd = nil
			out, cut, err = nil, false, fmt.Errorf("%w: %v", errDecompress, v)
		}
	}()
	switch flags {
	case dataZSTD:
		out, cut, err = r.unzstd(p, limit)
	case dataLZ4:
		out, cut, err = r.unlz4(p, limit)
	case dataXZ:
		out, cut, err = r.unxz(p, limit)
	default:
		err = errors.New("it has several forms of compression")
	}
	if err != nil {
		if out = nil; !errors.Is(err, errTooLarge) {
			err = fmt.Errorf("%w: %w", errDecompress, err)
		}
	}
	return out, cut, err
}

func (r *Reader) unzstd(p []byte, limit int) ([]byte, bool, error) {
	d := &r.decoders
	if d.zstd == nil {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(uint64(max(maxWindow, r.options.MaxField))))
		if err != nil {
			return nil, false, err
		}
	}
	var h zstd.Header
	if err := h.Decode(p); err != nil {
		return nil, false, err
	}
	if h.HasFCS && h.FrameContentSize <= uint64(limit) {
		out, err := d.zstd.DecodeAll(p, r.cache.arena.take(int(h.FrameContentSize))[:0])
		if err == nil && len(out) != int(h.FrameContentSize) {
			err = errors.New("its size is wrong")
		}
		return out, false, err
	}
	d.from.Reset(p)
	if err := d.zstd.Reset(&d.from); err != nil {
		return nil, false, err
	}
	defer func() { _ = d.zstd.Reset(nil) }()
	return r.prefix(d.zstd, limit)
}

func (r *Reader) unxz(p []byte, limit int) ([]byte, bool, error) {
	dict, err := xzDict(p)
	if err != nil {
		return nil, false, err
	}
	if dict > maxWindow {
		return nil, false, errTooLarge
	}
	config := xz.ReaderConfig{DictCap: lzma.MinDictCap, SingleStream: true}
	from, err := config.NewReader(bytes.NewReader(p))
	if err != nil {
		return nil, false, err
	}
	return r.prefix(from, limit)
}

// xzDict returns the size of the dictionary that the first block of an .xz file needs, which a
// decoder allocates at once.
func xzDict(p []byte) (int64, error) {
	bad := errors.New("its header is wrong")
	if len(p) < 12+8 {
		return 0, bad
	}
	b := p[12:] // behind the header of the stream
	n := (int(b[0]) + 1) * 4
	if b[0] == 0 || n > len(b) {
		return 0, bad
	}
	flags := b[1]
	b = b[2:n]
	for _, bit := range []byte{0x40, 0x80} { // sizes that may be there
		if flags&bit != 0 {
			_, k := binary.Uvarint(b)
			if k <= 0 {
				return 0, bad
			}
			b = b[k:]
		}
	}
	if flags&3 != 0 || len(b) < 3 || b[0] != 0x21 || b[1] != 1 { // one filter, LZMA2
		return 0, bad
	}
	return lzma.DecodeDictCap(b[2])
}

// prefix reads at most limit bytes.
func (r *Reader) prefix(from io.Reader, limit int) ([]byte, bool, error) {
	out := r.cache.arena.take(min(limit, 64<<10))
	for n := 0; ; {
		k, err := from.Read(out[n:])
		n += k
		switch {
		case err == io.EOF:
			return out[:n], false, nil
		case err != nil:
			return nil, false, err
		case n < len(out):
		case n >= limit:
			var more [1]byte
			for {
				if k, err := from.Read(more[:]); k > 0 || err == io.EOF {
					return out, k > 0, nil
				} else if err != nil {
					return nil, false, err
				}
			}
		default:
			larger := r.cache.arena.take(min(limit, 4*len(out)))
			copy(larger, out)
			out = larger
		}
	}
}

// unlz4 reads what systemd writes: the size, and one block.
func (r *Reader) unlz4(p []byte, limit int) ([]byte, bool, error) {
	if len(p) <= 8 {
		return nil, false, errors.New("it has no size")
	}
	size := binary.LittleEndian.Uint64(p)
	// A byte of a block stands for 255 at most.
	if size == 0 || size > 255*uint64(len(p)) {
		return nil, false, errors.New("its size is wrong")
	}
	if size > uint64(limit) && size > maxWindow {
		return nil, true, errTooLarge
	}
	var out []byte
	if size > uint64(limit) {
		out = make([]byte, size) // the whole block, for the part that is given
	} else {
		out = r.cache.arena.take(int(size))
	}
	n, err := lz4.UncompressBlock(p[8:], out)
	if err == nil && n != len(out) {
		err = errors.New("its size is wrong")
	}
	if err != nil {
		return nil, false, err
	}
	if len(out) > limit {
		return out[:limit], true, nil
	}
	return out, false, nil
}
