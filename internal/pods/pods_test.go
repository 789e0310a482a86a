package pods

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// id returns an id of 64 digits that starts with the text, which must be hexadecimal.
func id(text string) string { return text + strings.Repeat("0", idLen-len(text)) }

// find calls Find as for a chunk of its own, which may wait as long as a busy machine needs.
func find(r *Resolver, sandbox, container string) (pod, name string, result Result) {
	return findWithin(r, sandbox, container, time.Minute)
}

func findWithin(r *Resolver, sandbox, container string, limit time.Duration) (pod, name string, result Result) {
	w := NewWait(limit)
	p, name, result := r.Find([]byte(sandbox), []byte(container), &w)
	return p.String(), name, result
}

// want checks what Find returns.
func want(t *testing.T, r *Resolver, sandbox, container, wantPod, wantName string, wantResult Result) {
	t.Helper()
	pod, name, result := find(r, sandbox, container)
	if pod != wantPod || name != wantName || result != wantResult {
		t.Errorf("%.8s %.8s: got %s, %q, %v, want %s, %q, %v", sandbox, container, pod, name, result, wantPod, wantName, wantResult)
	}
}

// put writes a file below a folder, and makes the folders that it needs.
func put(t *testing.T, text string, elements ...string) {
	t.Helper()
	name := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// putContainerd writes the config.json of a sandbox as containerd 1.6.11 and later have it.
func putContainerd(t *testing.T, root, sandbox, namespace, name, uid string) {
	t.Helper()
	put(t, fmt.Sprintf(`{"ociVersion":"1.1.0","process":{"args":["/pause"]},"annotations":{"io.kubernetes.cri.container-type":"sandbox",
		"io.kubernetes.cri.sandbox-id":%q,"io.kubernetes.cri.sandbox-name":%q,"io.kubernetes.cri.sandbox-namespace":%q,
		"io.kubernetes.cri.sandbox-uid":%q}}`, sandbox, name, namespace, uid), root, containerdTasks, "k8s.io", sandbox, "config.json")
}

// putLink makes a link to the log of a container, as the kubelet does.
func putLink(t *testing.T, root, container, namespace, pod, name, uid string) {
	t.Helper()
	link := fmt.Sprintf("%s_%s_%s-%s", pod, namespace, name, container)
	link = link[:min(len(link), 255-len(linkSuffix))] + linkSuffix
	if err := os.Symlink(fmt.Sprintf("/var/log/pods/%s_%s_%s/%s/0.log", namespace, pod, uid, name), filepath.Join(root, link)); err != nil {
		t.Fatal(err)
	}
}

const uid = "0c1f3a52-9d3b-4f0e-8a35-6f1f9f0d7c11"

// TestRuntimes: what each container runtime writes, as its releases do.
func TestRuntimes(t *testing.T) {
	const containerd, crio = "io.containerd.runtime.v2.task/k8s.io/ID/config.json", "overlay-containers/ID/userdata/config.json"
	f := func(runtime, path, annotations, wanted string) {
		t.Run(runtime, func(t *testing.T) {
			root, sandbox := t.TempDir(), id("ab")
			replace := strings.NewReplacer("ID", sandbox, "UID", uid)
			put(t, `{"ociVersion":"1.0.2","annotations":{`+replace.Replace(annotations)+`},"hostname":"web-0"}`, root, replace.Replace(path))
			r := New([]string{filepath.Join(root, "other"), root})
			defer r.Close()
			result := Miss
			if wanted == "none" {
				result = Unresolved
			}
			want(t, r, sandbox, "", wanted, "", result)
			if warnings := r.Warnings(); warnings != nil {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
	f("containerd 1.4", containerd, `"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-id":"ID",
		"io.kubernetes.cri.sandbox-log-directory":"/var/log/pods/shop_web-0_`+uid+`"`, "none")
	f("containerd 1.6.8", containerd, `"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-cpu-period":"100000",
		"io.kubernetes.cri.sandbox-id":"ID","io.kubernetes.cri.sandbox-log-directory":"/var/log/pods/shop_web-0_`+uid+`",
		"io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"`, "shop/web-0 ")
	f("containerd, a container", containerd, `"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"app",
		"io.kubernetes.cri.sandbox-id":"`+id("cd")+`","io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"`, "none")
	f("containerd 1.6.8, crictl", containerd, `"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-id":"ID",
		"io.kubernetes.cri.sandbox-log-directory":"/tmp","io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"`, "shop/web-0 ")
	f("containerd 1.7, k3s", containerd, `"io.katacontainers.config.hypervisor.default_vcpus":"2","io.kubernetes.cri.container-type":"sandbox",
		"io.kubernetes.cri.sandbox-id":"ID","io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop",
		"io.kubernetes.cri.sandbox-uid":"`+uid+`"`, "shop/web-0 "+uid)
	f("containerd 2.1", containerd, `"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.podsandbox.image-name":"registry.k8s.io/pause:3.10",
		"io.kubernetes.cri.sandbox-id":"ID","io.kubernetes.cri.sandbox-log-directory":"/var/log/pods/shop_web-0.a_`+uid+`","io.kubernetes.cri.sandbox-name":"web-0.a","io.kubernetes.cri.sandbox-namespace":"shop",
		"io.kubernetes.cri.sandbox-uid":"`+uid+`"`, "shop/web-0.a "+uid)
	f("CRI-O 1.17", crio, `"io.kubernetes.container.name":"POD","io.kubernetes.cri-o.ContainerType":"sandbox","io.kubernetes.cri-o.SandboxID":"ID",
		"io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"`+uid+`"`, "shop/web-0 "+uid)
	f("CRI-O 1.32, forged", crio, `"io.kubernetes.container.name":"POD","io.kubernetes.cri-o.ContainerType":"sandbox","io.kubernetes.cri-o.KubeName":"other",
		"io.kubernetes.cri-o.Namespace":"kube-system","io.kubernetes.cri-o.SandboxID":"ID","io.kubernetes.cri-o.Labels":"{\"io.kubernetes.pod.name\":\"other\"}",
		"io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"`+uid+`"`, "shop/web-0 "+uid)
}

// TestUnusable: files that are not read, or whose word does not count. The next root is read all
// the same, and the warning has nothing of the file and no id.
func TestUnusable(t *testing.T) {
	sandbox := id("ab")
	other := id("cd")
	task := []string{containerdTasks, "k8s.io", sandbox}
	config := func(root string) string {
		return filepath.Join(append([]string{root}, append(task, "config.json")...)...)
	}
	f := func(name, warning string, make func(t *testing.T, root string)) {
		t.Run(name, func(t *testing.T) {
			root, second := t.TempDir(), t.TempDir()
			make(t, root)
			r := New([]string{root})
			want(t, r, sandbox, "", "none", "", Failed)
			if got := r.Warnings(); len(got) != 1 || got[0] != "cannot read below "+root+": "+warning {
				t.Errorf("got %q, want %s", got, warning)
			}
			want(t, r, sandbox, "", "none", "", Failed)
			if got := r.Warnings(); got != nil {
				t.Errorf("again %q", got)
			}
			r.Close()

			putContainerd(t, second, sandbox, "shop", "web-0", "")
			r = New([]string{root, second})
			want(t, r, sandbox, "", "shop/web-0 ", "", Miss)
			r.Close()
		})
	}
	f("another sandbox's", errOtherSandbox.Error(), func(t *testing.T, root string) {
		putContainerd(t, root, other, "kube-system", "secret", "")
		if err := os.Rename(filepath.Join(root, containerdTasks, "k8s.io", other), filepath.Join(root, containerdTasks, "k8s.io", sandbox)); err != nil {
			t.Fatal(err)
		}
	})
	f("no sandbox's id", errOtherSandbox.Error(), func(t *testing.T, root string) {
		put(t, `{"annotations":{"io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"}}`, config(root))
	})
	f("annotations in capitals", errOtherSandbox.Error(), func(t *testing.T, root string) {
		put(t, `{"Annotations":{"io.kubernetes.cri.sandbox-id":"`+sandbox+`","io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"}}`, config(root))
	})
	// Pods of releases that do not add all names, where pod_annotations lets them add those.
	for name, forged := range map[string]string{
		"a forged uid":  `"io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-uid":"1"`,
		"forged names":  `"io.kubernetes.cri.sandbox-name":"secret","io.kubernetes.cri.sandbox-namespace":"shop"`,
		"a forged name": `"io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"kube-system"`,
	} {
		f(name, errForged.Error(), func(t *testing.T, root string) {
			put(t, `{"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-id":"`+sandbox+`",
				"io.kubernetes.cri.sandbox-log-directory":"/var/log/pods/shop_web-0_`+uid+`",`+forged+`}}`, config(root))
		})
	}
	f("a name that is none", errNames.Error(), func(t *testing.T, root string) { putContainerd(t, root, sandbox, "shop", "web\n0", "") })
	f("a namespace that is none", errNames.Error(), func(t *testing.T, root string) { putContainerd(t, root, sandbox, "../shop", "web-0", "") })
	f("no namespace", errNames.Error(), func(t *testing.T, root string) { putContainerd(t, root, sandbox, "", "web-0", "") })
	f("a uid that is none", errNames.Error(), func(t *testing.T, root string) { putContainerd(t, root, sandbox, "shop", "web-0", "a b") })
	f("no JSON", errJSON.Error(), func(t *testing.T, root string) { put(t, `{"annotations":`, config(root)) })
	f("empty", errJSON.Error(), func(t *testing.T, root string) { put(t, "", config(root)) })
	f("no text", errJSON.Error(), func(t *testing.T, root string) {
		put(t, `{"annotations":{"io.kubernetes.cri.sandbox-id":7}}`, config(root))
	})
	f("2 MiB", errTooLarge.Error(), func(t *testing.T, root string) { put(t, strings.Repeat(" ", 2<<20), config(root)) })
	f("a pipe", errNotFile.Error(), func(t *testing.T, root string) {
		if err := os.MkdirAll(filepath.Dir(config(root)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(config(root), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	f("a folder", errNotFile.Error(), func(t *testing.T, root string) { put(t, "", config(root), "file") })
	link := func(target, name string) func(t *testing.T, root string) {
		return func(t *testing.T, root string) {
			putContainerd(t, filepath.Join(root, "elsewhere"), sandbox, "kube-system", "secret", "")
			name := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(root, target), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	elsewhere := filepath.Join("elsewhere", containerdTasks)
	f("a link to a file", errNotFile.Error(), link(filepath.Join(elsewhere, "k8s.io", sandbox, "config.json"), config("")))
	f("a link to a sandbox", errNotFile.Error(), link(filepath.Join(elsewhere, "k8s.io", sandbox), filepath.Join(task...)))
	f("a link to the tasks", errNotFile.Error(), link(elsewhere, containerdTasks))
	t.Run("a root that is a file", func(t *testing.T) {
		root := filepath.Join(t.TempDir(), "file")
		put(t, "", root)
		r := New([]string{root})
		defer r.Close()
		want(t, r, sandbox, "", "none", "", Failed)
	})
}

// TestPermission: a folder of mode 0700 that is another user's. As root, who may read everything,
// it runs itself as somebody else.
func TestPermission(t *testing.T) {
	const variable = "PODS_TEST_ROOT"
	sandbox := id("ab")
	if root := os.Getenv(variable); root != "" {
		r := New([]string{root})
		defer r.Close()
		want(t, r, sandbox, "", "none", "", Failed)
		wanted := "cannot read below " + root + ": permission denied; run Fluent Bit as root, or grant it CAP_DAC_READ_SEARCH"
		if got := r.Warnings(); len(got) != 1 || got[0] != wanted {
			t.Errorf("%q", got)
		}
		return
	}
	root := t.TempDir()
	putContainerd(t, root, sandbox, "shop", "web-0", "")
	dir := filepath.Join(root, containerdTasks, "k8s.io", sandbox)
	mode := os.FileMode(0o700)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestPermission$", "-test.count=1", "-test.v")
	cmd.Env, cmd.Dir = append(os.Environ(), variable+"="+root), "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		for parent := root; parent != "/tmp" && parent != "/"; parent = filepath.Dir(parent) {
			if err := os.Chmod(parent, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	} else {
		mode = 0
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	out, err := cmd.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("the test cannot start itself as another user, as under an emulator: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: TestPermission") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestIDs: no other text than an id leads to a file.
func TestIDs(t *testing.T) {
	root := t.TempDir()
	sandbox := id("ab")
	putContainerd(t, root, sandbox, "shop", "web-0", "")
	r := New([]string{root})
	defer r.Close()
	for _, text := range []string{"a", sandbox[1:], sandbox + "0", strings.ToUpper(sandbox), "../" + sandbox[3:], sandbox[:63] + "\n", sandbox[:63] + "g", sandbox[:62] + "é"} {
		want(t, r, text, text+"x", "none", "", Unresolved)
	}
	if got := r.Warnings(); len(got) != 1 || !strings.Contains(got[0], "64 hexadecimal digits") {
		t.Errorf("warnings %q", got)
	}
	want(t, r, "", "", "none", "", Unresolved)
	want(t, r, sandbox, "", "shop/web-0 ", "", Miss)
	if got := r.Warnings(); got != nil {
		t.Errorf("warnings %q", got)
	}
}

// TestLinks: containers, by the links of the kubelet.
func TestLinks(t *testing.T) {
	logs, state := t.TempDir(), t.TempDir()
	sandbox, app, sidecar, other := id("ab"), id("a1"), id("a2"), id("b1")
	putContainerd(t, state, sandbox, "shop", "web-0", uid)
	putLink(t, logs, app, "shop", "web-0", "app", uid)
	putLink(t, logs, sidecar, "shop", "web-0", "side-car", uid)
	putLink(t, logs, other, "kube-system", "dns-7", "dns", "another")
	put(t, "", logs, "web-0_shop_file-"+id("a3")+".log") // no link: it has no target
	r := New([]string{state, logs})
	defer r.Close()
	want(t, r, sandbox, app, "shop/web-0 "+uid, "app", Miss)
	want(t, r, sandbox, sidecar, "shop/web-0 "+uid, "side-car", Hit)
	want(t, r, sandbox, other, "shop/web-0 "+uid, "", Hit) // the sandbox's file counts
	want(t, r, sandbox, sandbox, "shop/web-0 "+uid, "", Hit)
	want(t, r, "", app, "shop/web-0 "+uid, "app", Hit)
	want(t, r, id("cd"), app, "shop/web-0 "+uid, "app", Hit) // a sandbox whose files are gone
	want(t, r, "", id("a3"), "shop/web-0 ", "file", Miss)
	want(t, r, "", id("a4"), "none", "", Unresolved)
	want(t, r, "name", app, "shop/web-0 "+uid, "app", Hit)
	if got := r.Warnings(); got != nil {
		t.Errorf("warnings %q", got)
	}
}

func TestParseLink(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		got := "no"
		if l, ok := parseLink(name); ok {
			got = l.namespace + "/" + l.pod + "/" + l.container + " " + l.id[:2]
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	x := id("ab")
	f("web-0_shop_app-"+x+".log", "shop/web-0/app ab")
	f("web.0-x_shop_a-b-"+x+".log", "shop/web.0-x/a-b ab")
	f("a_b_c-"+x+".log", "b/a/c ab")
	f("web-0_shop_app-"+x[1:]+".log", "no") // cut
	f("web-0_shop_app-"+strings.ToUpper(x)+".log", "no")
	f("web-0_shop_app"+x+".log", "no")
	f("web-0_shop_app-"+x, "no")
	f("web-0_shop-"+x+".log", "no")
	f("web-0_shop_app_x-"+x+".log", "no")
	f("_shop_app-"+x+".log", "no")
	f("web-0__app-"+x+".log", "no")
	f("web-0_shop_-"+x+".log", "no")
	f("web 0_shop_app-"+x+".log", "no")
	f("-"+x+".log", "no")
	f(x+".log", "no")
	f(".log", "no")
	f("", "no")
	long := strings.Repeat("p", 170)
	f((long + "pppppppp_shop_app-" + x)[:251]+".log", "no") // cut within the id
	f((long + strings.Repeat("p", 83) + "_" + strings.Repeat("n", 63) + "_app-" + x)[:251]+".log", "no")
}

func TestUID(t *testing.T) {
	l := link{pod: "web-0", namespace: "shop", container: "app"}
	for target, want := range map[string]string{
		"/var/log/pods/shop_web-0_" + uid + "/app/0.log": uid,
		"../pods/shop_web-0_0123abcd/app/17.log":         "0123abcd",
		"/var/log/pods/shop_web-1_" + uid + "/app/0.log": "",
		"/var/log/pods/shop_web-0_" + uid + "/dns/0.log": "",
		"/var/log/pods/shop_web-0_../app/0.log":          "",
		"/var/lib/docker/containers/x/x-json.log":        "",
		"app/0.log": "",
		"":          "",
	} {
		if got := l.uid(target); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}

// TestRetry: a sandbox is looked for each second at first, then each minute, and stays known when
// its files are gone.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, sandbox := filepath.Join(t.TempDir(), "later"), id("ab")
		r := New([]string{root})
		defer r.Close()
		var n int
		r.files.hold = func() { n++ }
		reads := func(during time.Duration) int {
			n = 0
			for range int(during / (100 * time.Millisecond)) {
				want(t, r, sandbox, "", "none", "", Unresolved)
				time.Sleep(100 * time.Millisecond)
			}
			return n
		}
		if n := reads(30 * time.Second); n != 30 {
			t.Errorf("%d look-ups in the first 30 s", n)
		}
		if n := reads(10 * time.Minute); n != 10 && n != 11 {
			t.Errorf("%d look-ups in ten minutes", n)
		}
		if got := r.Warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "none of the folders") {
			t.Errorf("warnings %q", got)
		}
		putContainerd(t, root, sandbox, "shop", "web-0", "")
		time.Sleep(time.Minute)
		want(t, r, sandbox, "", "shop/web-0 ", "", Miss)
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			time.Sleep(9 * time.Minute)
			want(t, r, sandbox, "", "shop/web-0 ", "", Hit)
		}
		time.Sleep(keptFor)
		want(t, r, sandbox, "", "none", "", Unresolved)
		putContainerd(t, root, sandbox, "shop", "web-0", "") // another folder of the same name
		time.Sleep(time.Second)
		want(t, r, sandbox, "", "shop/web-0 ", "", Miss)
	})
}

// TestFlood: ten thousand sandboxes in a minute cost what is allowed, and no more memory than the
// cache has.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		r := New([]string{root})
		defer r.Close()
		looked := 0
		for i := range 10000 {
			sandbox := id(fmt.Sprintf("%08x", i))
			want(t, r, sandbox, "", "none", "", Unresolved)
			w := NewWait(MaxWait)
			if e := r.entry(&r.sandboxes, []byte(sandbox), w.now); !e.next.IsZero() {
				looked++
			}
			time.Sleep(6 * time.Millisecond)
		}
		if looked < 2900 || looked > 3060 {
			t.Errorf("%d look-ups, want about 50 in each of 60 seconds", looked)
		}
		if n := r.sandboxes.lru.Len(); n != maxEntries {
			t.Errorf("%d entries", n)
		}
		if got := r.Warnings(); len(got) != 1 || !strings.Contains(got[0], "more than 50 look-ups a second") {
			t.Errorf("warnings %q", got)
		}
	})
}

// TestLearn: the log's word counts until a file has one, and its first word stays.
func TestLearn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, sandbox := t.TempDir(), id("ab")
		r := New([]string{root})
		defer r.Close()
		learn := func(sandbox, name, namespace, uid string) {
			w := NewWait(MaxWait)
			r.Learn([]byte(sandbox), []byte(name), []byte(namespace), []byte(uid), &w)
		}
		learn(sandbox, "web 0", "shop", uid)
		learn(sandbox, "", "shop", uid)
		learn(sandbox[1:], "web-0", "shop", uid)
		want(t, r, sandbox, "", "none", "", Unresolved)
		learn(sandbox, "web-0", "shop", "")
		learn(sandbox, "secret", "kube-system", uid)
		want(t, r, sandbox, "", "shop/web-0 ", "", Hit)
		putContainerd(t, root, sandbox, "shop", "web-0", uid)
		time.Sleep(time.Second)
		want(t, r, sandbox, "", "shop/web-0 "+uid, "", Hit)
		learn(sandbox, "secret", "kube-system", "")
		want(t, r, sandbox, "", "shop/web-0 "+uid, "", Hit)
	})
}

// TestSlow: a file system that does not reply costs a chunk 20 ms, and the next ones nothing.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		putContainerd(t, root, id("ab"), "shop", "web-0", uid)
		r := New([]string{root})
		defer r.Close()
		hold := make(chan struct{})
		r.files.hold = func() { <-hold }
		start := time.Now()
		w := NewWait(MaxWait)
		for range 3 {
			if p, _, result := r.Find([]byte(id("ab")), nil, &w); p != nil || result != Unresolved {
				t.Errorf("got %v, %v", p, result)
			}
		}
		if took := time.Since(start); took != MaxWait {
			t.Errorf("a chunk waited for %v", took)
		}
		time.Sleep(time.Millisecond)
		for i := range 10 {
			start = time.Now()
			want(t, r, id("ab"), "", "none", "", Unresolved)
			want(t, r, id(fmt.Sprintf("%02x", i)), "", "none", "", Unresolved)
			if took := time.Since(start); took != 0 {
				t.Errorf("a later chunk waited for %v", took)
			}
			time.Sleep(time.Second)
		}
		if got := r.Warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "reading the files takes long;") {
			t.Errorf("warnings %q", got)
		}
		close(hold)
		synctest.Wait()
		want(t, r, id("ab"), "", "shop/web-0 "+uid, "", Hit)
	})
}

// TestWait: a chunk waits for look-ups as long as it may, however long its records take otherwise.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		r := New([]string{root})
		defer r.Close()
		r.files.hold = func() { time.Sleep(9 * time.Millisecond) }
		w := NewWait(MaxWait)
		for i, wanted := range []Result{Miss, Miss, Unresolved, Unresolved} {
			sandbox := id(fmt.Sprintf("a%d", i))
			putContainerd(t, root, sandbox, "shop", "web-0", uid)
			time.Sleep(30 * time.Millisecond)
			if _, _, result := r.Find([]byte(sandbox), nil, &w); result != wanted {
				t.Errorf("look-up %d: %v, want %v", i, result, wanted)
			}
		}
	})
}

// TestFull: more look-ups than there is memory for are not blamed on their number alone.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New([]string{t.TempDir()})
		defer r.Close()
		r.files.hold = func() { time.Sleep(200 * time.Millisecond) }
		for i := range 1000 {
			findWithin(r, id(fmt.Sprintf("%04x", i)), "", 0)
			time.Sleep(25 * time.Millisecond)
			r.mu.Lock()
			n := len(r.queue)
			r.mu.Unlock()
			if n > maxQueue {
				t.Fatalf("%d in the queue", n)
			}
		}
		if got := r.Warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "reading the files takes long;") {
			t.Errorf("warnings %q", got)
		}
		time.Sleep(time.Minute)
	})
}

// TestPanic: a panic while files are read ends nothing.
func TestPanic(t *testing.T) {
	r := New([]string{t.TempDir()})
	defer r.Close()
	r.files.hold = func() { panic("secret") }
	want(t, r, id("ab"), id("cd"), "none", "", Failed)
	if n := r.Panics(); n != 2 {
		t.Errorf("%d panics", n)
	}
	if got := r.Warnings(); len(got) != 1 || got[0] != "internal error in a look-up: string" {
		t.Errorf("warnings %q", got)
	}
}

// TestDocs: docs/operations.md has every warning.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(b)
	for _, text := range []string{noRoots, noID, tooMany, slowFiles, panicked} {
		if text, _, _ = strings.Cut(text, ";"); !strings.Contains(docs, "\n| `sandbox_metadata: "+strings.TrimSpace(text)) {
			t.Errorf("no row for %q", text)
		}
	}
	for _, err := range []error{errOtherSandbox, errForged, errJSON, errNotFile, errTooLarge, errFileMoved, errNames, errTooManyLinks} {
		if text := err.Error(); !strings.HasPrefix(text, "a config.json ") && !strings.Contains(docs, text) {
			t.Errorf("nothing of %q", text)
		}
	}
}

func TestConcurrent(t *testing.T) {
	root, logs := t.TempDir(), t.TempDir()
	for i := range 16 {
		putContainerd(t, root, id(fmt.Sprintf("a%02x", i)), "shop", fmt.Sprintf("web-%d", i), uid)
		putLink(t, logs, id(fmt.Sprintf("c%02x", i)), "shop", fmt.Sprintf("web-%d", i), "app", uid)
	}
	r := New([]string{root, logs})
	defer r.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				i %= 20
				pod, _, result := find(r, id(fmt.Sprintf("a%02x", i)), id(fmt.Sprintf("c%02x", i)))
				if wanted := fmt.Sprintf("shop/web-%d %s", i, uid); pod != wanted && pod != "none" || pod == "none" && result < Unresolved || i >= 16 && pod != "none" {
					t.Errorf("%d: %s, %v", i, pod, result)
				}
				r.Warnings()
			}
		})
	}
	wg.Wait()
}

// TestClosed: an instance that has ended leaves no goroutine and no open folder.
func TestClosed(t *testing.T) {
	root := t.TempDir()
	open := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := open()
	for range 50 {
		r := New([]string{root})
		find(r, id("ab"), id("cd"))
		r.Close()
	}
	for range 1000 { // a goroutine that is at its end
		if open() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d open files, %d before", open(), before)
}

func TestHitsDoNotAllocate(t *testing.T) {
	root, logs := t.TempDir(), t.TempDir()
	sandbox, container := []byte(id("ab")), []byte(id("cd"))
	putContainerd(t, root, string(sandbox), "shop", "web-0", uid)
	putLink(t, logs, string(container), "shop", "web-0", "app", uid)
	r := New([]string{root, logs})
	defer r.Close()
	find(r, string(sandbox), string(container))
	absent := []byte(id("ee"))
	find(r, string(absent), "")
	w := NewWait(MaxWait)
	if n := testing.AllocsPerRun(1000, func() {
		if p, name, result := r.Find(sandbox, container, &w); p == nil || name != "app" || result != Hit {
			t.Fatal(p, name, result)
		}
		if p, _, _ := r.Find(absent, nil, &w); p != nil {
			t.Fatal(p)
		}
		if texts := r.Warnings(); texts != nil {
			t.Fatal(texts)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzConfig: any config.json gives a valid pod or none.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"annotations":{"io.kubernetes.cri.sandbox-id":"ab","io.kubernetes.cri.sandbox-name":"a","io.kubernetes.cri.sandbox-namespace":"b"}}`))
	f.Add([]byte(`{"annotations":{"io.kubernetes.pod.name":"a","io.kubernetes.pod.namespace":"b","io.kubernetes.pod.uid":"c"}}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		p, err := containerdPod(config, "ab")
		if (p == nil) == (err == nil) || p != nil && (!p.valid() || !strings.Contains(string(config), "ab")) {
			t.Errorf("%q: %v, %v", config, p, err)
		}
		if p, err = crioPod(config); (p == nil) == (err == nil) || p != nil && !p.valid() {
			t.Errorf("%q: %v, %v", config, p, err)
		}
	})
}

// FuzzLink: what is read from a link's name is the name.
func FuzzLink(f *testing.F) {
	f.Add("web-0_shop_app-"+id("ab")+".log", "/var/log/pods/shop_web-0_"+uid+"/app/0.log")
	f.Fuzz(func(t *testing.T, name, target string) {
		l, ok := parseLink(name)
		if !ok {
			return
		}
		if back := l.pod + "_" + l.namespace + "_" + l.container + "-" + l.id + linkSuffix; back != name {
			t.Errorf("%q gives %q", name, back)
		}
		if u := l.uid(target); u != "" && !strings.Contains(target, l.namespace+"_"+l.pod+"_"+u+"/"+l.container+"/") {
			t.Errorf("%q of %q", u, target)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	root := b.TempDir()
	sandbox := id("ab")
	dir := filepath.Join(root, containerdTasks, "k8s.io", sandbox)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	config := `{"annotations":{"io.kubernetes.cri.sandbox-id":"` + sandbox + `","io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("hit", func(b *testing.B) {
		r := New([]string{root})
		defer r.Close()
		find(r, sandbox, "")
		w := NewWait(MaxWait)
		b.ReportAllocs()
		for b.Loop() {
			r.Find([]byte(sandbox), nil, &w)
		}
	})
	b.Run("absent", func(b *testing.B) {
		r := New([]string{root})
		defer r.Close()
		find(r, id("cd"), "")
		w := NewWait(MaxWait)
		b.ReportAllocs()
		for b.Loop() {
			r.Find([]byte(id("cd")), nil, &w)
		}
	})
	b.Run("read", func(b *testing.B) {
		var w warnings
		f := newFiles([]string{"/nonexistent", root}, &w)
		b.ReportAllocs()
		for b.Loop() {
			if f.sandbox(sandbox).pod == nil {
				b.Fatal("no pod")
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		var w warnings
		f := newFiles([]string{"/nonexistent", root}, &w)
		b.ReportAllocs()
		for b.Loop() {
			f.sandbox(id("cd"))
		}
	})
}
