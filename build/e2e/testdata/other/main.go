// Command other is another project's plugin: the output other, which prints how many records a
// chunk has.
package main

import (
	"C"
	"fmt"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"
)

//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) int {
	return output.FLBPluginRegister(def, "other", "Counts records")
}

//export FLBPluginInit
func FLBPluginInit(unsafe.Pointer) int { return output.FLB_OK }

//export FLBPluginFlushCtx
func FLBPluginFlushCtx(ctx, data unsafe.Pointer, size C.int, tag *C.char) int {
	n := 0
	for d := output.NewDecoder(data, int(size)); ; n++ {
		if ret, _, _ := output.GetRecord(d); ret != 0 {
			break
		}
	}
	fmt.Println("other:", n)
	return output.FLB_OK
}

//export FLBPluginExit
func FLBPluginExit() int { return output.FLB_OK }

func main() {}
