package manifests

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	corev1 "k8s.io/api/core/v1"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// schemas is the oldest and the newest version of Kubernetes whose schemas are checked. Image
// volumes are newer than the oldest.
var schemas = []string{"1.29", "1.37"}

// TestSchemas checks every object against Kubernetes's schemas, in which no other fields are
// allowed. Those of the Prometheus operator and of OpenShift are not Kubernetes's.
func TestSchemas(t *testing.T) {
	validate, err := exec.Command("../tool", "kubernetes-validate").Output()
	if err != nil {
		t.Fatalf("build/tool kubernetes-validate: %v", err)
	}
	for _, r := range all(t) {
		known := rendered{name: r.name}
		for _, o := range r.objects {
			switch group, _, _ := strings.Cut(o["apiVersion"].(string), "/"); group {
			case "monitoring.coreos.com", "security.openshift.io":
			default:
				known.objects = append(known.objects, o)
			}
		}
		for _, version := range schemas {
			if r.name == "helm image volume" && version == "1.29" {
				continue
			}
			cmd := exec.Command(strings.TrimSpace(string(validate)), "--strict", "-k", version, known.file(t))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s, Kubernetes %s: %v\n%s", r.name, version, err, out)
			}
		}
	}
}

// TestPodSecurity: of the Pod Security Standards only those are not met that reading a node's
// files needs: volumes of the node, which restricted has among the types of volumes, the user
// root, and on OpenShift the SELinux type.
func TestPodSecurity(t *testing.T) {
	for _, r := range all(t) {
		pod := r.daemonSet(t).Spec.Template
		baseline := []string{"hostPathVolumes"}
		if r.name == "kustomize openshift" {
			baseline = append(baseline, "seLinuxOptions")
		}
		restricted := []string{"restrictedVolumes", "runAsNonRoot", "runAsUser"}
		if r.name == "kustomize openshift" {
			restricted = append(restricted, "seLinuxOptions")
		}
		for level, want := range map[psa.Level][]string{psa.LevelPrivileged: nil, psa.LevelBaseline: baseline, psa.LevelRestricted: restricted} {
			var failed []string
			evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
			if err != nil {
				t.Fatal(err)
			}
			for _, result := range evaluator.EvaluatePod(psa.LevelVersion{Level: level, Version: psa.LatestVersion()}, &pod.ObjectMeta, &pod.Spec) {
				if !result.Allowed {
					failed = append(failed, result.ForbiddenReason)
				}
			}
			if got := reasons(failed); !slices.Equal(got, want) {
				t.Errorf("%s, level %s: not met are %q, want %q", r.name, level, got, want)
			}
		}
	}
}

// reasons maps the words of the library to the names of the checks.
func reasons(words []string) (names []string) {
	for _, w := range words {
		names = append(names, map[string]string{
			"hostPath volumes":        "hostPathVolumes",
			"restricted volume types": "restrictedVolumes",
			"runAsNonRoot != true":    "runAsNonRoot",
			"runAsUser=0":             "runAsUser",
			"seLinuxOptions":          "seLinuxOptions",
		}[w])
		if names[len(names)-1] == "" {
			names[len(names)-1] = w
		}
	}
	slices.Sort(names)
	return names
}

// TestPod checks what every pod has to have: the nodes of Kata only, no token, a root file system
// that cannot be written, no capabilities, nothing of the node but what is read, and there only
// one directory that is written.
func TestPod(t *testing.T) {
	for _, r := range all(t) {
		spec := r.daemonSet(t).Spec.Template.Spec
		label := "katacontainers.io/kata-runtime"
		if r.name == "kustomize openshift" {
			label = "node-role.kubernetes.io/kata-oc"
		}
		if _, ok := spec.NodeSelector[label]; !ok || len(spec.NodeSelector) != 2 {
			t.Errorf("%s: it runs on the nodes %v", r.name, spec.NodeSelector)
		}
		account := r.of("ServiceAccount")
		if len(account) != 1 || account[0]["automountServiceAccountToken"] != false {
			t.Errorf("%s: service accounts %v", r.name, account)
		}
		if mount := spec.AutomountServiceAccountToken; mount == nil || *mount {
			t.Errorf("%s: the pod has a token", r.name)
		}
		for _, kind := range []string{"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} {
			if list := r.of(kind); len(list) > 0 {
				t.Errorf("%s: it has a %s: %v", r.name, kind, list)
			}
		}
		if spec.HostNetwork || spec.HostPID || spec.HostIPC {
			t.Errorf("%s: a namespace of the node", r.name)
		}
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			s := c.SecurityContext
			switch {
			case s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem:
				t.Errorf("%s: the root of %s can be written", r.name, c.Name)
			case s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Privileged != nil:
				t.Errorf("%s: privileges of %s: %+v", r.name, c.Name, s)
			case s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0:
				t.Errorf("%s: capabilities of %s: %+v", r.name, c.Name, s.Capabilities)
			case s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
				t.Errorf("%s: seccomp profile of %s: %+v", r.name, c.Name, s.SeccompProfile)
			}
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s: resources of %s: %+v", r.name, c.Name, c.Resources)
			}
			if !strings.Contains(c.Image, ":") || strings.HasSuffix(c.Image, ":latest") {
				t.Errorf("%s: the image of %s has no version: %s", r.name, c.Name, c.Image)
			}
		}

		paths := map[string]string{}
		for _, v := range spec.Volumes {
			if v.HostPath != nil {
				paths[v.Name] = v.HostPath.Path
			}
		}
		var read, written []string
		for _, m := range spec.Containers[0].VolumeMounts {
			switch path, ok := paths[m.Name]; {
			case !ok:
			case m.ReadOnly:
				read = append(read, path)
				if m.MountPath != path {
					t.Errorf("%s: %s is mounted at %s", r.name, path, m.MountPath)
				}
			default:
				written = append(written, path)
			}
		}
		wantRead := []string{"/run/log", "/var/log"}
		if pods := map[string]string{
			"kustomize containerd": "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
			"kustomize monitoring": "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
			"kustomize k3s":        "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io",
			"kustomize crio":       "/run/containers/storage/overlay-containers",
			"kustomize openshift":  "/run/containers/storage/overlay-containers",
			"kustomize minikube":   "/run/containers/storage/overlay-containers",
			"helm":                 "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
			"helm image volume":    "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
			"helm monitoring":      "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
		}[r.name]; pods != "" {
			wantRead = append(wantRead, pods)
		} else if r.name != "kustomize base" {
			t.Errorf("%s is not in the test", r.name)
		}
		slices.Sort(read)
		slices.Sort(wantRead)
		if !slices.Equal(read, wantRead) {
			t.Errorf("%s: it reads %q, want %q", r.name, read, wantRead)
		}
		state := "/var/lib/fluent-bit-kata"
		if r.name == "kustomize minikube" {
			state = "/data/fluent-bit-kata"
		}
		if !slices.Equal(written, []string{state}) {
			t.Errorf("%s: it writes %q", r.name, written)
		}
	}
}

// TestEnvironment: the variables that manifests set are the image's, and each overlay with a
// volume for sandboxes switches the option on.
func TestEnvironment(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all(t) {
		if strings.HasPrefix(r.name, "helm") {
			continue
		}
		data := r.configMap(t)
		for name := range data {
			if !strings.Contains(string(dockerfile), " "+name+"=") {
				t.Errorf("%s: the Dockerfile has no variable %s", r.name, name)
			}
		}
		if want := r.name != "kustomize base"; (data["KATA_SANDBOX_METADATA"] == "on") != want {
			t.Errorf("%s: KATA_SANDBOX_METADATA is %q", r.name, data["KATA_SANDBOX_METADATA"])
		}
	}
}

// TestPlugin: the library is in a volume that Fluent Bit has, and the configuration names it.
func TestPlugin(t *testing.T) {
	for name, files := range helmVariants {
		r := rendered{name, helm(t, files...)}
		spec := r.daemonSet(t).Spec.Template.Spec
		mounted := slices.ContainsFunc(spec.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool {
			return m.Name == "kata" && m.MountPath == "/kata" && m.ReadOnly
		})
		if !mounted || !strings.Contains(r.configMap(t)["kata-plugins.conf"], "/kata/in_kata.so") {
			t.Errorf("%s: mounts %+v, configuration %q", name, spec.Containers[0].VolumeMounts, r.configMap(t)["kata-plugins.conf"])
		}
		i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == "kata" })
		switch volume := spec.Volumes[i]; name {
		case "helm image volume":
			if len(spec.InitContainers) != 0 || volume.Image == nil || volume.EmptyDir != nil || volume.Image.Reference == "" {
				t.Errorf("%s: %+v", name, volume)
			}
		default:
			if len(spec.InitContainers) != 1 || volume.EmptyDir == nil || spec.InitContainers[0].VolumeMounts[0].MountPath != "/kata" {
				t.Errorf("%s: %+v", name, volume)
			}
		}
	}
}

// TestConfiguration runs Fluent Bit's --dry-run on the configuration in the chart's ConfigMap.
func TestConfiguration(t *testing.T) {
	fluentBit, library := os.Getenv("FLUENT_BIT"), cmp.Or(os.Getenv("KATA_LIBRARY"), "../../dist/in_kata.so")
	if fluentBit == "" {
		t.Skip("FLUENT_BIT names no Fluent Bit")
	}
	library, err := filepath.Abs(library)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(library); err != nil {
		t.Fatalf("make build first: %v", err)
	}
	dir := t.TempDir()
	replace := strings.NewReplacer("/fluent-bit/etc/conf/", dir+"/", "/kata/in_kata.so", library, "/var/lib/fluent-bit-kata", dir)
	for name, text := range (rendered{"helm", helm(t, "values.yaml")}).configMap(t) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(replace.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(fluentBit, "--dry-run", "-c", filepath.Join(dir, "fluent-bit.conf")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "configuration test is successful") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRules: the rules in the manifests are the groups kata and kata-journal of build/alerts.
func TestRules(t *testing.T) {
	text, err := os.ReadFile("../alerts/kata.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []object }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	rulesOf := func(groups []object) (rules []any) {
		for _, g := range groups {
			rules = append(rules, g["rules"].([]any)...)
		}
		return rules
	}
	want := rulesOf(slices.DeleteFunc(file.Groups, func(g object) bool { return g["name"] != "kata" && g["name"] != "kata-journal" }))
	for _, r := range []rendered{{"kustomize monitoring", kustomizeMonitoring(t)}, {"helm monitoring", helm(t, helmVariants["helm monitoring"]...)}} {
		list := r.of("PrometheusRule")
		if len(list) != 1 || len(r.of("ServiceMonitor")) != 1 {
			t.Fatalf("%s: rules %v", r.name, list)
		}
		var groups []object
		for _, g := range list[0]["spec"].(object)["groups"].([]any) {
			groups = append(groups, g.(object))
		}
		if got := rulesOf(groups); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the %d rules are not the %d of build/alerts/kata.rules.yml", r.name, len(got), len(want))
		}
	}
}

// TestVersion: images are those of this version, and documents name the chart that is tested.
func TestVersion(t *testing.T) {
	version, err := os.ReadFile("../../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	want := ":" + strings.TrimSpace(string(version))
	for _, r := range all(t) {
		spec := r.daemonSet(t).Spec.Template.Spec
		var images []string
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			images = append(images, c.Image)
		}
		for _, v := range spec.Volumes {
			if v.Image != nil {
				images = append(images, v.Image.Reference)
			}
		}
		ours := slices.DeleteFunc(images, func(name string) bool { return !strings.Contains(name, "/fluent-bit-kata") })
		if len(ours) != 1 || !strings.HasSuffix(ours[0], want) {
			t.Errorf("%s has our images %q, want one with %s", r.name, ours, want)
		}
	}
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"README.md", "helm/values.yaml"} {
		if text, err := os.ReadFile(filepath.Join(deploy, file)); err != nil || !strings.Contains(string(text), c.Metadata.Version) {
			t.Errorf("%s does not name the chart's version %s: %v", file, c.Metadata.Version, err)
		}
	}
	compose, err := os.ReadFile("../../examples/compose/compose.yaml")
	if err != nil || !strings.Contains(string(compose), "/fluent-bit-kata"+want+"\n") {
		t.Errorf("the compose file does not have our image%s: %v", want, err)
	}
}
