package journalfields

import (
	"slices"
	"strings"
	"testing"
)

// TestIdentify spells every field in each way that the systemd input can.
func TestIdentify(t *testing.T) {
	for f := None + 1; int(f) < Count; f++ {
		name := f.String()
		if name == "" {
			t.Fatalf("field %d has no name", f)
		}
		want := map[string]Spelling{name: 0, strings.ToLower(name): Lower}
		if bare, ok := strings.CutPrefix(name, "_"); ok {
			want[bare], want[strings.ToLower(bare)] = Stripped, Stripped|Lower
		}
		for key, spelling := range want {
			if got, s := Identify([]byte(key)); got != f || s != spelling {
				t.Errorf("%s is %v, spelling %d, want %v, %d", key, got, s, f, spelling)
			}
		}
		for _, key := range []string{name[:2] + strings.ToLower(name[2:]), strings.ToLower(name[:2]) + name[2:], "_" + name, name + "_", name[:len(name)-1]} {
			if got, _ := Identify([]byte(key)); got != None {
				t.Errorf("%s is %v", key, got)
			}
		}
	}
	for _, key := range []string{"", "_", "MESSAGE", "_PID", "_NAME", "_PRIORITY", "_BOOT_ID", "kata_level"} {
		if got, s := Identify([]byte(key)); got != None || s != 0 {
			t.Errorf("%q is %v, spelling %d", key, got, s)
		}
	}
}

// TestSpellings: each name is identified, and none that has to be trusted lacks its
// underscore.
func TestSpellings(t *testing.T) {
	list := Spellings()
	for _, key := range list {
		f, spelling := Identify([]byte(key))
		if f == None {
			t.Errorf("%s is no field", key)
		}
		if spelling&Stripped != 0 && (f == Cmdline || f == Comm || f == UID) {
			t.Errorf("%s counts without its underscore", key)
		}
	}
	if sorted := slices.Sorted(slices.Values(list)); len(slices.Compact(sorted)) != 22 || len(list) != 22 {
		t.Errorf("%d names, want 22: %q", len(list), list)
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		identifier, name string
		want             bool
	}{{"kata", "kata-runtime", true}, {"kata", "kata-agent", false}, {"containerd", "kata-runtime", false}, {"kata", "", false}, {"", "", false}, {"KATA", "kata-runtime", false}} {
		if got := IsRuntimeRS([]byte(c.identifier), []byte(c.name)); got != c.want {
			t.Errorf("identifier %q, name %q: %v", c.identifier, c.name, got)
		}
	}
	for _, c := range []struct {
		comm, uid string
		want      bool
	}{{"containerd-shim", "0", true}, {"containerd-shim", "1000", false}, {"containerd-shim", "", false}, {"sh", "0", false}, {"containerd-shim-", "0", false}} {
		if got := IsRootShim([]byte(c.comm), []byte(c.uid)); got != c.want {
			t.Errorf("%q run by %q: %v", c.comm, c.uid, got)
		}
	}
}

func TestShimSandbox(t *testing.T) {
	long := strings.Repeat("5", 129)
	for command, want := range map[string]string{
		"/opt/kata/bin/containerd-shim-kata-v2 -namespace k8s.io -address /run/containerd/containerd.sock -publish-binary /usr/bin/containerd -id 55bb -bundle /run/x start": "55bb",
		"shim --id 55bb": "55bb", "shim -id=55bb": "55bb", "shim --id=55bb -x": "55bb", "shim -id 55bb -id 77aa": "55bb", "-id 55bb": "55bb",
		"shim -identity x -id": "", "shim -id": "", "shim -id  55bb": "", "shim -id=": "", "shim id 55bb": "", "shim ---id 55bb": "", "shim -ID 55bb": "", "": "", " ": "",
		"shim -id= -id 55bb": "55bb", "shim -id " + long: "", "shim -id=" + long + " -id " + long[:128]: long[:128],
	} {
		if got := ShimSandbox([]byte(command)); string(got) != want {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
}

func TestIsCallField(t *testing.T) {
	for _, key := range []string{"NAME", "PID", "SUBSYSTEM", "CONTAINER_ID", "A1", "X_", "MESSAGES", "CODES", "UID"} {
		if !IsCallField([]byte(key), false) || !IsCallField([]byte(strings.ToLower(key)), true) {
			t.Errorf("%s is not the call's", key)
		}
		if IsCallField([]byte(key), true) || IsCallField([]byte(strings.ToLower(key)), false) {
			t.Errorf("%s is the call's in the other letters", key)
		}
	}
	for _, key := range []string{"", "_PID", "_", "MESSAGE", "MESSAGE_ID", "CODE_FILE", "CODE_", "SYSLOG_IDENTIFIER", "OBJECT_PID", "A-B", "A.B", "É"} {
		if IsCallField([]byte(key), false) || IsCallField([]byte(strings.ToLower(key)), true) {
			t.Errorf("%q is the call's", key)
		}
	}
	if IsCallField([]byte("Ab"), false) || IsCallField([]byte("Ab"), true) {
		t.Error("Ab is the call's")
	}
}

// TestIsTrusted: every field that has to be trusted is in the list, a process's own is not.
func TestIsTrusted(t *testing.T) {
	for f := None + 1; int(f) < Count; f++ {
		name, journald := strings.CutPrefix(f.String(), "_")
		for _, key := range []string{name, strings.ToLower(name)} {
			if IsTrusted([]byte(key)) != journald {
				t.Errorf("%s: trusted is %v", key, !journald)
			}
		}
	}
	for _, key := range []string{"", "_UID", "Uid", "MESSAGE", "SUBSYSTEM", "pid"} {
		if IsTrusted([]byte(key)) {
			t.Errorf("%q is trusted", key)
		}
	}
}
