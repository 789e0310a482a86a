package pods

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// The errors of files whose content is not what it should be. They have no data of the file.
var (
	errOtherSandbox = errors.New("a config.json is that of another sandbox")
	errNames        = errors.New("a file has a name that Kubernetes does not allow")
	errForged       = errors.New("a config.json names another pod than its folder for logs")
	errJSON         = errors.New("a config.json is not the JSON that it should be")
)

// errNoPod says that a file names no pod, which is no fault of the file.
var errNoPod = errors.New("names no pod")

// containerdPod returns the pod that the config.json of a sandbox of containerd names. containerd
// adds these annotations after those of the pod, so that a pod cannot set them
// (internal/cri/server/podsandbox, sandbox_run_linux.go): the names since 1.5.0, the uid since
// 1.6.11. Before, a pod can, if the runtime's pod_annotations let it. The folder for logs, which is
// the kubelet's word and in all releases, then says something else.
func containerdPod(config []byte, id string) (*Pod, error) {
	annotations, err := readAnnotations(config)
	if err != nil {
		return nil, err
	}
	const prefix = "io.kubernetes.cri."
	if annotations[prefix+"container-type"] == "container" && annotations[prefix+"sandbox-id"] != id {
		return nil, errNoPod // the shim has a container's id where it deletes one
	}
	if annotations[prefix+"sandbox-id"] != id {
		return nil, errOtherSandbox
	}
	p, err := newPod(annotations[prefix+"sandbox-name"], annotations[prefix+"sandbox-namespace"], annotations[prefix+"sandbox-uid"])
	if err != nil {
		return nil, err
	}
	if words := strings.Split(path.Base(annotations[prefix+"sandbox-log-directory"]), "_"); len(words) == 3 {
		if words[0] != p.Namespace || words[1] != p.Name || p.UID != "" && words[2] != p.UID {
			return nil, errForged
		}
	}
	return p, nil
}

// crioPod returns the pod that the config.json of a sandbox of CRI-O names. Of its annotations
// only the labels of the kubelet can be trusted: CRI-O adds its own before those of the pod, which
// can therefore replace them (server/sandbox_run_linux.go).
func crioPod(config []byte) (*Pod, error) {
	annotations, err := readAnnotations(config)
	if err != nil {
		return nil, err
	}
	const prefix = "io.kubernetes.pod."
	return newPod(annotations[prefix+"name"], annotations[prefix+"namespace"], annotations[prefix+"uid"])
}

// readAnnotations returns the annotations of a config.json (OCI runtime specification, config.md).
func readAnnotations(config []byte) (map[string]string, error) {
	var members map[string]json.RawMessage // a struct would accept the key in any case
	if json.Unmarshal(config, &members) != nil {
		return nil, errJSON
	}
	var annotations map[string]string
	if raw := members["annotations"]; raw != nil && json.Unmarshal(raw, &annotations) != nil {
		return nil, errJSON
	}
	return annotations, nil
}

// newPod returns the pod of the names, or errNoPod if they are empty.
func newPod(name, namespace, uid string) (*Pod, error) {
	if name == "" && namespace == "" {
		return nil, errNoPod
	}
	p := &Pod{name, namespace, uid}
	if !p.valid() {
		return nil, errNames
	}
	return p, nil
}

// valid reports whether Kubernetes allows the names: those of a pod and of a namespace
// are DNS subdomains and labels (RFC 1123).
func (p *Pod) valid() bool {
	return isName(p.Name, 253, ".-") && isName(p.Namespace, 63, "-") && (p.UID == "" || isName(p.UID, 128, "-"))
}

// isName reports whether text has one to limit characters: small letters, digits and those of
// more, which it neither starts nor ends with.
func isName(text string, limit int, more string) bool {
	if len(text) == 0 || len(text) > limit {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			continue
		}
		inside := i > 0 && i < len(text)-1
		if !inside || c != more[0] && c != more[len(more)-1] {
			return false
		}
	}
	return true
}

// String returns what the tests print.
func (p *Pod) String() string {
	if p == nil {
		return "none"
	}
	return fmt.Sprintf("%s/%s %s", p.Namespace, p.Name, p.UID)
}
