package journal

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestDecompress reads what is compressed, cut at every place and with each byte changed: without a
// panic, and never more than the limit.
func TestDecompress(t *testing.T) {
	w := newWriter(0, 0, 1)
	sample(w, 1, 1)
	path := filepath.Join(t.TempDir(), "x.journal")
	write(t, path, w.bytes(stateArchived))
	r := open(t, Options{}, path)
	text := []byte("NAME=" + strings.Repeat("some text that is compressed, ", 20) + "the end")
	for _, form := range []byte{dataXZ, dataLZ4, dataZSTD} {
		c := compress(form, text)
		for _, limit := range []int{1, 100, len(text) - 1, len(text), len(text) + 1, 1 << 20} {
			out, cut, err := r.decompress(c, form, limit)
			if want := text[:min(limit, len(text))]; err != nil || !bytes.Equal(out, want) || cut != (limit < len(text)) {
				t.Errorf("form %d, limit %d: %q, %v, %v", form, limit, out, cut, err)
			}
			r.cache.step()
		}
		check := func(what string, p []byte, form byte) {
			out, _, err := r.decompress(p, form, 700)
			if len(out) > 700 || err != nil && !errors.Is(err, errDecompress) && err != errTooLarge {
				t.Errorf("form %d, %s: %d bytes, %v", form, what, len(out), err)
			}
			r.cache.step()
		}
		for i := range c {
			check(fmt.Sprint("cut at ", i), c[:i], form)
			for _, bit := range []byte{1, 8, 0x80} {
				d := bytes.Clone(c)
				d[i] ^= bit
				check(fmt.Sprint("changed at ", i), d, form)
			}
		}
		for _, wrong := range []byte{dataXZ, dataLZ4, dataZSTD} {
			if wrong != form {
				check("another form", c, wrong)
			}
		}
	}
	if _, _, err := r.decompress(make([]byte, 50), dataLZ4, 700); !errors.Is(err, errDecompress) {
		t.Errorf("a size of 0: %v", err)
	}
	if _, _, err := r.decompress(nil, dataXZ|dataLZ4, 700); !errors.Is(err, errDecompress) {
		t.Errorf("two forms: %v", err)
	}
	// An object must not make a decoder allocate what the format allows, but the limit does not.
	huge := compress(dataXZ, text)
	i := bytes.Index(huge[12:], []byte{0x21, 1}) + 12
	huge[i+2] = 40 // a dictionary of 4 GiB
	if _, _, err := r.decompress(huge, dataXZ, 700); err != errTooLarge {
		t.Errorf("a dictionary of 4 GiB: %v", err)
	}
	size := compress(dataLZ4, text)
	le.PutUint64(size, 1<<40)
	if _, _, err := r.decompress(size, dataLZ4, 700); !errors.Is(err, errDecompress) {
		t.Errorf("a size of 1 TiB: %v", err)
	}
}
