package manifests

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cluster is a kube-apiserver on an etcd. There is no other part of a cluster: no pod is started, and
// what controllers do the tests do themselves.
type cluster struct {
	dir string
	env []string // of kubectl and helm
}

// startCluster starts the programs that KUBE_APISERVER and ETCD name on free ports on loopback.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	apiserver, etcd := os.Getenv("KUBE_APISERVER"), os.Getenv("ETCD")
	if apiserver == "" || etcd == "" {
		t.Skip("KUBE_APISERVER and ETCD name no programs, see CONTRIBUTING.md")
	}
	c := &cluster{dir: t.TempDir()}
	file := func(name, text string) string {
		path := filepath.Join(c.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}

	store, peer, secure := "http://"+freeAddress(t), "http://"+freeAddress(t), freeAddress(t)
	startProgram(t, etcd, "--data-dir", filepath.Join(c.dir, "etcd"), "--listen-client-urls", store, "--advertise-client-urls", store,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer, "--unsafe-no-fsync")
	waitFor(t, http.DefaultClient, store+"/health", "")

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	accounts := file("accounts.pem", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	token := rand.Text()
	host, port, err := net.SplitHostPort(secure)
	if err != nil {
		t.Fatal(err)
	}
	startProgram(t, apiserver, "--etcd-servers", store, "--bind-address", host, "--secure-port", port, "--cert-dir", filepath.Join(c.dir, "certs"),
		"--service-account-key-file", accounts, "--service-account-signing-key-file", accounts, "--service-account-issuer", "https://"+secure,
		"--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC", "--token-auth-file", file("tokens", token+",admin,admin,system:masters\n"),
		"--feature-gates", "ImageVolume=true")
	// Its certificate is its own, and not made yet.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	waitFor(t, client, "https://"+secure+"/readyz", token)

	config := file("kubeconfig", fmt.Sprintf(`
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://%s", certificate-authority: %q}}]
users: [{name: test, user: {token: %q}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
`, secure, filepath.Join(c.dir, "certs/apiserver.crt"), token))
	helm, err := exec.Command("../tool", "helm").Output()
	if err != nil {
		t.Fatalf("build/tool helm: %v", err)
	}
	c.env = append(os.Environ(), "KUBECONFIG="+config, "HOME="+c.dir,
		"PATH="+filepath.Dir(strings.TrimSpace(string(helm)))+":"+os.Getenv("PATH"))
	crds, err := filepath.Abs("testdata/crds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.run(t, nil, "kubectl", "create", "-f", crds)
	c.run(t, nil, "kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	return c
}

// freeAddress returns an address on loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// startProgram starts a program, which ends with the test.
func startProgram(t *testing.T, name string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the end of what %s logs:\n%s", name, log.Bytes()[max(0, log.Len()-4000):])
		}
	})
}

// waitFor waits until a server replies that it is ready.
func waitFor(t *testing.T, client *http.Client, url, token string) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(r)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", url, err)
		}
	}
}

// try runs a command in a folder, by default this package's, and returns its output.
func (c *cluster) try(stdin []byte, dir, name string, args ...string) (string, error) {
	path := name
	for _, v := range c.env { // not the PATH of this process
		if list, ok := strings.CutPrefix(v, "PATH="); ok {
			for _, folder := range filepath.SplitList(list) {
				if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
					path = filepath.Join(folder, name)
					break
				}
			}
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = c.env, dir, bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try for a command that must succeed.
func (c *cluster) run(t *testing.T, stdin []byte, name string, args ...string) string {
	t.Helper()
	out, err := c.try(stdin, "", name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

// readmeCommands returns the commands in a section of deploy/README.md, as lists of words.
func readmeCommands(t *testing.T, section string) (list [][]string) {
	t.Helper()
	text, err := os.ReadFile(deploy + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("deploy/README.md has no section %s", section)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^    ((?:kubectl|helm) .*)$|`((?:kubectl|helm) [^`]*)`").FindAllStringSubmatch(body, -1) {
		list = append(list, strings.Fields(m[1]+m[2]))
	}
	return list
}

// daemonSet returns the one DaemonSet in the namespace of deploy.
func (c *cluster) daemonSet(t *testing.T) *appsv1.DaemonSet {
	t.Helper()
	var list appsv1.DaemonSetList
	if err := json.Unmarshal([]byte(c.run(t, nil, "kubectl", "-n", "kata-logs", "get", "daemonsets", "-o", "json")), &list); err != nil || len(list.Items) != 1 {
		t.Fatalf("%d DaemonSets, %v", len(list.Items), err)
	}
	return &list.Items[0]
}

// admits checks that the API server takes the DaemonSet's pod, as the controller would create it:
// in its own namespace, and in none at a stricter level of Pod Security Admission.
func (c *cluster) admits(t *testing.T) {
	t.Helper()
	set := c.daemonSet(t)
	pod := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: "of-the-test", Labels: set.Spec.Template.Labels, Annotations: set.Spec.Template.Annotations},
		Spec:       set.Spec.Template.Spec,
	}
	text, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	const dry = "--dry-run=server"
	c.run(t, text, "kubectl", "-n", "kata-logs", "create", dry, "-f", "-")
	for _, level := range []string{"baseline", "restricted"} {
		namespace := "level-" + level
		if _, err := c.try(nil, "", "kubectl", "get", "namespace", namespace); err != nil {
			c.run(t, nil, "kubectl", "create", "namespace", namespace)
			c.run(t, nil, "kubectl", "label", "namespace", namespace, "pod-security.kubernetes.io/enforce="+level)
			c.run(t, nil, "kubectl", "-n", namespace, "create", "serviceaccount", pod.Spec.ServiceAccountName)
		}
		out, err := c.try(text, "", "kubectl", "-n", namespace, "create", dry, "-f", "-")
		if err == nil || !strings.Contains(out, `violates PodSecurity "`+level+`:latest"`) || !strings.Contains(out, "hostPath volumes") && level == "baseline" {
			t.Errorf("level %s: %v\n%s", level, err, out)
		}
	}
}

// clear removes the namespace of deploy, if it is there, as the controller of namespaces does. It
// fails the test if something is left in it.
func (c *cluster) clear(t *testing.T) {
	t.Helper()
	if left := strings.Fields(c.run(t, nil, "kubectl", "-n", "kata-logs", "get", "daemonsets,configmaps,serviceaccounts,services,secrets,servicemonitors,prometheusrules", "-o", "name")); len(left) > 0 {
		// What a user has made, as README.md says.
		left = slices.DeleteFunc(left, func(name string) bool { return name == "secret/fluent-bit-kata-output" })
		if len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	}
	if _, err := c.try(nil, "", "kubectl", "get", "namespace", "kata-logs"); err != nil {
		return
	}
	c.run(t, nil, "kubectl", "delete", "secrets", "-n", "kata-logs", "--all")
	c.run(t, nil, "kubectl", "delete", "namespace", "kata-logs", "--wait=false")
	c.finalize(t)
}

// finalize lets the namespace go that was deleted: its content is gone.
func (c *cluster) finalize(t *testing.T) {
	t.Helper()
	var namespace corev1.Namespace
	out, err := c.try(nil, "", "kubectl", "get", "namespace", "kata-logs", "-o", "json")
	if err != nil {
		return
	}
	if err := json.Unmarshal([]byte(out), &namespace); err != nil {
		t.Fatal(err)
	}
	namespace.Spec.Finalizers = nil
	text, err := json.Marshal(namespace)
	if err != nil {
		t.Fatal(err)
	}
	c.run(t, text, "kubectl", "replace", "--raw", "/api/v1/namespaces/kata-logs/finalize", "-f", "-")
	c.run(t, nil, "kubectl", "wait", "--for=delete", "namespace/kata-logs", "--timeout=60s")
}

// TestAPIServer: a kube-apiserver takes all that deploy has, and gives it up again: the chart with
// helm install, upgrade, rollback and uninstall, the overlays with kubectl apply -k and
// delete -k, by the commands in deploy/README.md.
func TestAPIServer(t *testing.T) {
	c := startCluster(t)
	t.Logf("%s", c.run(t, nil, "kubectl", "version", "-o", "yaml"))

	overlays, err := filepath.Glob(deploy + "/kustomize/overlays/*")
	if err != nil || len(overlays) == 0 {
		t.Fatal(err)
	}
	for _, path := range append(overlays, deploy+"/kustomize/base") {
		t.Run("kustomize "+filepath.Base(path), func(t *testing.T) {
			c.run(t, nil, "kubectl", "apply", "-k", path)
			c.admits(t)
			if out := c.run(t, nil, "kubectl", "apply", "-k", path); strings.Contains(out, "created") || strings.Contains(out, "configured") {
				t.Errorf("applied again:\n%s", out)
			}
			c.run(t, nil, "kubectl", "delete", "-k", path, "--wait=false")
			c.finalize(t)
			c.clear(t)
		})
	}

	t.Run("kustomize as in README.md", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(deploy+"/kustomize")); err != nil {
			t.Fatal(err)
		}
		mine := filepath.Join(dir, "overlays", "mine")
		if err := os.Mkdir(mine, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mine, "kustomization.yaml"), readmeOverlay(t), 0o600); err != nil {
			t.Fatal(err)
		}
		ran := map[string]bool{}
		for _, command := range readmeCommands(t, "kustomize") {
			line := strings.Join(command, " ")
			if strings.Contains(line, "rollout status") { // needs nodes
				continue
			}
			deletes := strings.Contains(line, " delete ")
			if deletes {
				c.admits(t)
				command = append(command, "--wait=false")
			}
			if out, err := c.try(nil, dir, command[0], command[1:]...); err != nil {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
			if deletes {
				c.finalize(t)
			}
			ran[command[1]] = true
		}
		if !ran["create"] || !ran["apply"] || !ran["delete"] {
			t.Errorf("of README.md ran %v", ran)
		}
		c.clear(t)
	})

	t.Run("helm as in README.md", func(t *testing.T) {
		official, err := filepath.Abs(chart)
		if err != nil {
			t.Fatal(err)
		}
		var before *appsv1.DaemonSet
		ran := map[string]bool{}
		for _, command := range readmeCommands(t, "Helm") {
			line := strings.Join(command, " ")
			if strings.HasPrefix(line, "helm repo add") { // the chart is here
				continue
			}
			for i, word := range command {
				if word == "fluent/fluent-bit" {
					command[i] = official
				}
			}
			if out, err := c.try(nil, deploy+"/helm", command[0], command[1:]...); err != nil {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
			if command[0] != "helm" {
				continue
			}
			ran[command[1]] = true
			switch command[1] {
			case "install":
				before = c.daemonSet(t)
				c.admits(t)
			case "upgrade":
				if after := c.daemonSet(t); len(after.Spec.Template.Spec.InitContainers) != 0 || len(before.Spec.Template.Spec.InitContainers) != 1 || after.Generation <= before.Generation {
					t.Errorf("the upgrade to an image volume has init containers %+v, before %+v", after.Spec.Template.Spec.InitContainers, before.Spec.Template.Spec.InitContainers)
				}
				c.admits(t)
			case "rollback":
				after := c.daemonSet(t)
				was, err := json.Marshal(before.Spec)
				if err != nil {
					t.Fatal(err)
				}
				is, err := json.Marshal(after.Spec)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(was, is) {
					t.Errorf("after the rollback\n%s\nwant\n%s", is, was)
				}
			}
		}
		if !ran["install"] || !ran["upgrade"] || !ran["rollback"] || !ran["uninstall"] {
			t.Errorf("of README.md ran %v", ran)
		}
		c.clear(t)
	})

	for name, files := range helmVariants {
		t.Run(name, func(t *testing.T) {
			args := []string{"install", "fluent-bit-kata", chart, "-n", "kata-logs", "--create-namespace"}
			for _, file := range files {
				args = append(args, "-f", filepath.Join(deploy, "helm", file))
			}
			c.run(t, nil, "helm", args...)
			c.run(t, nil, "kubectl", "label", "namespace", "kata-logs", "pod-security.kubernetes.io/enforce=privileged")
			c.admits(t)
			if name == "helm monitoring" {
				if out := strings.Fields(c.run(t, nil, "kubectl", "-n", "kata-logs", "get", "servicemonitors,prometheusrules", "-o", "name")); len(out) != 2 {
					t.Errorf("monitoring has %q", out)
				}
			}
			c.run(t, nil, "helm", "uninstall", "fluent-bit-kata", "-n", "kata-logs")
			c.clear(t)
		})
	}
}
