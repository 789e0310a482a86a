package parser

import (
	"reflect"
	"testing"
	"unsafe"
)

// TestRelease walks all that a Parser can reach and finds no slice of a message.
func TestRelease(t *testing.T) {
	p := New(Config{})
	for _, text := range []string{
		`time="2024-05-06T07:08:09.1Z" level=info msg="a \"b\"" odd=1 pid=x vm path=/run trailing`,
		`{"msg":"m","level":"INFO","ts":"2024-05-06T07:08:09.1Z","name":"kata-runtime","source":"s","odd":[1, 2],"a.b":null}`,
		`time="2024-05-06T07:08:09.1Z" level=debug msg="reading guest console" odd=2 vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"my key\":{},\"sandbox\":\"x\"}"`,
		`time="2024-05-06T07:08:09.1Z" level=info msg="time=\"x\" level=info msg=m other=1\n" name=kata-proxy source=agent`,
		`announce: name="kata-agent",odd="1"`,
		`INFO[0000] message                                      odd=1`,
		`just text`,
	} {
		message := []byte(text)
		if p.Parse(&Message{Text: message, Origin: Kata}) == nil {
			t.Fatalf("%s was not parsed", text)
		}
		if n := pointersInto(message, p); n == 0 {
			t.Fatalf("%s: nothing to release: the test does not see it", text)
		}
		p.Release()
		if n := pointersInto(message, p); n != 0 {
			t.Errorf("%s: %d slices are left", text, n)
		}
	}
}

// pointersInto counts the slices that p reaches, in use or in spare capacity,
// which lie in memory.
func pointersInto(memory []byte, p *Parser) int {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	n := 0
	seen := map[uintptr]bool{}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() && !seen[v.Pointer()] {
				seen[v.Pointer()] = true
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Slice:
			if at := v.Pointer(); at >= start && at < start+uintptr(len(memory)) {
				n++
			}
			switch v.Type().Elem().Kind() {
			case reflect.Struct, reflect.Slice, reflect.Pointer:
				full := v.Slice3(0, v.Cap(), v.Cap())
				for i := range full.Len() {
					walk(full.Index(i))
				}
			}
		}
	}
	walk(reflect.ValueOf(p))
	return n
}
