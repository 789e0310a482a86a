package host

import (
	"os/exec"
	"strings"
	"testing"
)

// proxyStructs are the comparisons for an output and an input.
var proxyStructs = map[string]string{
	"output": `
SAME("struct flbgo_output_plugin", sizeof(struct kata_proxy_plugin), sizeof(struct flbgo_output_plugin))
FIELD(kata_proxy_plugin, api, flbgo_output_plugin, api)
FIELD(kata_proxy_plugin, ins, flbgo_output_plugin, o_ins)
FIELD(kata_proxy_plugin, context, flbgo_output_plugin, context)
FIELD(kata_proxy_api, output_get_property, flb_api, output_get_property)
`,
	"input": `
SAME("struct flbgo_input_plugin", sizeof(struct kata_proxy_plugin), sizeof(struct flbgo_input_plugin))
FIELD(kata_proxy_plugin, api, flbgo_input_plugin, api)
FIELD(kata_proxy_plugin, ins, flbgo_input_plugin, i_ins)
FIELD(kata_proxy_plugin, context, flbgo_input_plugin, context)
FIELD(kata_proxy_api, input_get_property, flb_api, input_get_property)
`,
}

// TestProxyLayout has the C compiler compare the structs of the proxy with those of fluent-bit-go,
// which are used for the same memory.
func TestProxyLayout(t *testing.T) {
	for mode, comparisons := range proxyStructs {
		t.Run(mode, func(t *testing.T) { compareStructs(t, mode, comparisons) })
	}
}

func compareStructs(t *testing.T, mode, comparisons string) {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/fluent/fluent-bit-go/"+mode).Output()
	if err != nil {
		t.Fatal(err)
	}
	compile := func(more string) ([]byte, error) {
		cmd := exec.Command(compiler(), "-std=gnu11", "-fsyntax-only", "-I", "../../internal/fluentbit", "-I", strings.TrimSpace(string(dir)), "-x", "c", "-")
		cmd.Stdin = strings.NewReader(`
#include "flb_plugin.h"
#include "flb_` + mode + `.h"
#include "proxy.h"

#define SAME(what, ours, theirs) _Static_assert((ours) == (theirs), what);
#define FIELD(kata, field, flb, theirs)                                                    \
    SAME(#flb "." #theirs, offsetof(struct kata, field), offsetof(struct flb, theirs))     \
    SAME(#flb "." #theirs, sizeof(((struct kata *) 0)->field), sizeof(((struct flb *) 0)->theirs))

SAME("remote_context", offsetof(__typeof__(*((struct kata_proxy_plugin *) 0)->context), remote_context), offsetof(struct flb_plugin_proxy_context, remote_context))

SAME("FLB_ERROR", KATA_PROXY_ERROR, FLB_ERROR)
SAME("FLB_OK", KATA_PROXY_OK, FLB_OK)
` + comparisons + more)
		return cmd.CombinedOutput()
	}
	if out, err := compile(""); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := compile(`SAME("two that differ", KATA_PROXY_OK, FLB_RETRY)`); err == nil {
		t.Error("the compiler accepts a difference")
	}
}
