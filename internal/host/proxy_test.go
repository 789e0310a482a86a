package host

import (
	"os/exec"
	"strings"
	"testing"
)

// TestProxyLayout has the C compiler compare the output's structs of the proxy with those of
// fluent-bit-go, which are used for the same memory.
func TestProxyLayout(t *testing.T) {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/fluent/fluent-bit-go/output").Output()
	if err != nil {
		t.Fatal(err)
	}
	compile := func(more string) ([]byte, error) {
		cmd := exec.Command(compiler(), "-std=gnu11", "-fsyntax-only", "-I", "../../internal/fluentbit", "-I", "../../plugin/output", "-I", strings.TrimSpace(string(dir)), "-x", "c", "-")
		cmd.Stdin = strings.NewReader(`
#include "flb_plugin.h"
#include "flb_output.h"
#include "proxy.h"

#define SAME(what, ours, theirs) _Static_assert((ours) == (theirs), what);
#define FIELD(kata, field, flb, theirs)                                                    \
    SAME(#flb "." #theirs, offsetof(struct kata, field), offsetof(struct flb, theirs))     \
    SAME(#flb "." #theirs, sizeof(((struct kata *) 0)->field), sizeof(((struct flb *) 0)->theirs))

SAME("struct flbgo_output_plugin", sizeof(struct kata_proxy_plugin), sizeof(struct flbgo_output_plugin))
FIELD(kata_proxy_plugin, api, flbgo_output_plugin, api)
FIELD(kata_proxy_plugin, ins, flbgo_output_plugin, o_ins)
FIELD(kata_proxy_plugin, context, flbgo_output_plugin, context)
SAME("remote_context", offsetof(__typeof__(*((struct kata_proxy_plugin *) 0)->context), remote_context), offsetof(struct flb_plugin_proxy_context, remote_context))
FIELD(kata_proxy_api, output_get_property, flb_api, output_get_property)

SAME("FLB_ERROR", KATA_PROXY_ERROR, FLB_ERROR)
SAME("FLB_OK", KATA_PROXY_OK, FLB_OK)
` + more)
		return cmd.CombinedOutput()
	}
	if out, err := compile(""); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := compile(`SAME("two that differ", KATA_PROXY_OK, FLB_RETRY)`); err == nil {
		t.Error("the compiler accepts a difference")
	}
}
