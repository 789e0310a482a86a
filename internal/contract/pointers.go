package contract

import (
	"reflect"
	"unsafe"
)

// PointersInto returns how many slices that root, a pointer, reaches lie in memory, in use
// or in spare capacity.
func PointersInto(memory []byte, root any) int {
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
		case reflect.Interface:
			walk(v.Elem())
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
	walk(reflect.ValueOf(root))
	return n
}
