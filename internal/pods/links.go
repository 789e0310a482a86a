package pods

import "strings"

// link is what the name of a link in /var/log/containers says.
type link struct{ pod, namespace, container, id string }

const linkSuffix = ".log"

// parseLink reads the name of a link: POD_NAMESPACE_CONTAINER-ID.log. The kubelet cuts names at
// 255 bytes, from the end (pkg/kubelet/kuberuntime, legacy.go, logSymlink); one whose id is not
// whole is not taken: a container may have a name that ends as another's id begins.
func parseLink(name string) (l link, ok bool) {
	name, ok = strings.CutSuffix(name, linkSuffix)
	at := len(name) - idLen
	if !ok || at < 1 || name[at-1] != '-' || !isID([]byte(name[at:])) {
		return link{}, false
	}
	l.id = name[at:]
	var rest string
	if l.pod, rest, ok = strings.Cut(name[:at-1], "_"); !ok {
		return link{}, false
	}
	if l.namespace, l.container, ok = strings.Cut(rest, "_"); !ok {
		return link{}, false
	}
	pod := Pod{Name: l.pod, Namespace: l.namespace}
	return l, pod.valid() && isName(l.container, 63, "-")
}

// uid returns the uid of the pod from what the link points to:
// …/NAMESPACE_POD_UID/CONTAINER/N.log (pkg/kubelet/kuberuntime, helpers.go, BuildPodLogsDirectory).
// It is empty if the target is that of another pod or container, or has another form.
func (l *link) uid(target string) string {
	parts := strings.Split(target, "/")
	if len(parts) < 3 || parts[len(parts)-2] != l.container {
		return ""
	}
	uid, ok := strings.CutPrefix(parts[len(parts)-3], l.namespace+"_"+l.pod+"_")
	if !ok || !isName(uid, 128, "-") {
		return ""
	}
	return uid
}
