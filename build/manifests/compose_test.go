package manifests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestCompose checks the compose file in examples against the Compose specification, and that
// what it sets and mounts is there: the variables in the Dockerfile, the build context, and each
// port on loopback only.
func TestCompose(t *testing.T) {
	path, err := filepath.Abs("../../examples/compose/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path}},
	}, func(o *loader.Options) { o.SetProjectName("kata-logs", false) })
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range project.Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is on %q", service.Name, port.Published, port.HostIP)
			}
		}
		for name := range service.DependsOn {
			if _, ok := project.Services[name]; !ok {
				t.Errorf("%s depends on %s", service.Name, name)
			}
		}
	}
	ours := project.Services["fluent-bit"]
	for name := range ours.Environment {
		if !strings.Contains(string(dockerfile), " "+name+"=") {
			t.Errorf("the Dockerfile has no variable %s", name)
		}
	}
	if _, err := os.Stat(filepath.Join(ours.Build.Context, "Dockerfile")); err != nil {
		t.Error(err)
	}
	mounted := map[string]bool{}
	for _, v := range ours.Volumes {
		mounted[v.Target] = true
		if v.Type == types.VolumeTypeBind && !v.ReadOnly {
			t.Errorf("%s can be written", v.Source)
		}
	}
	for _, target := range []string{"/var/log", "/run/log", "/fluent-bit/state"} {
		if !mounted[target] {
			t.Errorf("%s is not mounted", target)
		}
	}
	if !ours.ReadOnly || len(ours.CapDrop) != 1 || ours.CapDrop[0] != "ALL" {
		t.Errorf("fluent-bit: read_only %v, cap_drop %v", ours.ReadOnly, ours.CapDrop)
	}
}
