package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	deploy = "../../deploy"
	chart  = "testdata/chart/fluent-bit"
)

// object is a resource as it is in YAML.
type object = map[string]any

// rendered is what one way to install gives.
type rendered struct {
	name    string
	objects []object
}

// helmVariants has the values files of each way to use the chart.
var helmVariants = map[string][]string{
	"helm":              {"values.yaml"},
	"helm image volume": {"values.yaml", "values-image-volume.yaml"},
	"helm monitoring":   {"values.yaml", "values-monitoring.yaml"},
}

// all renders everything in deploy.
func all(t *testing.T) (list []rendered) {
	t.Helper()
	overlays, err := filepath.Glob(deploy + "/kustomize/overlays/*")
	if err != nil || len(overlays) != 5 {
		t.Fatalf("overlays: %q, %v", overlays, err)
	}
	for _, path := range append(overlays, deploy+"/kustomize/base") {
		list = append(list, rendered{"kustomize " + filepath.Base(path), kustomize(t, path)})
	}
	list = append(list, rendered{"kustomize monitoring", kustomizeMonitoring(t)})
	for _, name := range slices.Sorted(maps.Keys(helmVariants)) {
		list = append(list, rendered{name, helm(t, helmVariants[name]...)})
	}
	return list
}

// kustomize is kustomize build.
func kustomize(t *testing.T, path string) []object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, text)
}

// kustomizeMonitoring builds an overlay as a user writes it, with the component monitoring and
// an output.
func kustomizeMonitoring(t *testing.T) []object {
	t.Helper()
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
	return kustomize(t, mine)
}

// readmeOverlay returns the overlay that deploy/README.md shows.
func readmeOverlay(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(deploy + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```yaml\n# overlays/mine/kustomization.yaml\n")
	overlay, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("deploy/README.md shows no overlays/mine/kustomization.yaml")
	}
	return []byte(overlay)
}

// helm is helm template.
func helm(t *testing.T, files ...string) []object {
	t.Helper()
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.APIVersions = append(capabilities.APIVersions, "monitoring.coreos.com/v1")
	values, err := chartutil.ToRenderValues(c, helmValues(t, files...), chartutil.ReleaseOptions{Name: "fluent-bit-kata", Namespace: "kata-logs", IsInstall: true}, capabilities)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := engine.Render(c, values)
	if err != nil {
		t.Fatal(err)
	}
	var list []object
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if filepath.Ext(name) == ".yaml" {
			list = append(list, objects(t, []byte(texts[name]))...)
		}
	}
	return list
}

// helmValues merges values files as helm does, the last first.
func helmValues(t *testing.T, files ...string) object {
	t.Helper()
	merged := object{}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(deploy, "helm", file))
		if err != nil {
			t.Fatal(err)
		}
		values := object{}
		if err := yaml.UnmarshalStrict(text, &values); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		merged = chartutil.CoalesceTables(values, merged)
	}
	return merged
}

// TestHelmLint is helm lint.
func TestHelmLint(t *testing.T) {
	for name, files := range helmVariants {
		for _, m := range lint.AllWithKubeVersion(chart, helmValues(t, files...), "kata-logs", nil).Messages {
			// The chart itself has a version of 1 and no release notes in this copy.
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// TestValues: the values files set nothing that the chart does not have.
func TestValues(t *testing.T) {
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range helmVariants {
		for name := range helmValues(t, files...) {
			if _, ok := c.Values[name]; !ok && name != "fullnameOverride" {
				t.Errorf("%v: the chart has no value %s", files, name)
			}
		}
	}
}

// objects splits YAML.
func objects(t *testing.T, text []byte) (list []object) {
	t.Helper()
	decoder := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		part, err := decoder.Read()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		var o object
		if err := yaml.Unmarshal(part, &o); err != nil {
			t.Fatalf("%v\n%s", err, part)
		}
		if len(o) > 0 {
			list = append(list, o)
		}
	}
}

// of returns the objects of a kind.
func (r rendered) of(kind string) (list []object) {
	for _, o := range r.objects {
		if o["kind"] == kind {
			list = append(list, o)
		}
	}
	return list
}

// daemonSet returns the one DaemonSet.
func (r rendered) daemonSet(t *testing.T) *appsv1.DaemonSet {
	t.Helper()
	list := r.of("DaemonSet")
	if len(list) != 1 {
		t.Fatalf("%s: %d DaemonSets", r.name, len(list))
	}
	set := new(appsv1.DaemonSet)
	decode(t, r.name, list[0], set)
	return set
}

// configMap returns the data of the one ConfigMap.
func (r rendered) configMap(t *testing.T) map[string]string {
	t.Helper()
	list := r.of("ConfigMap")
	if len(list) != 1 {
		t.Fatalf("%s: %d ConfigMaps", r.name, len(list))
	}
	config := new(corev1.ConfigMap)
	decode(t, r.name, list[0], config)
	return config.Data
}

// decode converts an object; a field that the type does not have is an error.
func decode(t *testing.T, name string, o object, to any) {
	t.Helper()
	text, err := yaml.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// file writes all objects to a file.
func (r rendered) file(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	for _, o := range r.objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "---\n%s", text)
	}
	path := filepath.Join(t.TempDir(), strings.ReplaceAll(r.name, " ", "-")+".yaml")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
