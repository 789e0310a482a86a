package choose

import (
	"bytes"
	"os"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/pods"
)

// Sandbox is what is known of a sandbox.
type Sandbox struct {
	ID                  string
	Pod, Namespace, UID string

	by by
}

// by says who has named the pod of a sandbox. What counts more is higher.
type by uint8

const (
	byNobody  by = iota
	byText       // a text that has the form of a container runtime's log
	byRuntime    // a container runtime, by the unit that journald has noted
	byFiles      // the files of this node
)

// Known is what the records and the node's files say of sandboxes. The zero Known is empty.
//
// Who names the pod of a sandbox is decided by the filter's rule, see transform.NamedPod: a guest
// never does. Beyond that rule, a text without fields of journald's counts, too, since a file of
// containerd's log has none; but less than the others, and only if no two texts differ.
type Known struct {
	sandboxes  map[string]*Sandbox
	containers map[string]*Sandbox
	Full       bool           // there were more than are kept
	differing  []*Sandbox     // of which texts have said different things
	resolver   *pods.Resolver // nil unless pods are looked up at once
}

// maxKnown bounds the number of sandboxes, and of containers.
const maxKnown = 1 << 15

// Sandbox returns what is known of the sandbox with the id, nil if nothing is.
func (k *Known) Sandbox(id []byte) *Sandbox {
	if k == nil || len(id) == 0 {
		return nil
	}
	return k.sandboxes[string(id)]
}

// OfContainer returns the sandbox of a container, nil if it is not known.
func (k *Known) OfContainer(id []byte) *Sandbox {
	if k == nil || len(id) == 0 {
		return nil
	}
	return k.containers[string(id)]
}

// sandbox returns what is known of the sandbox with an id, for a change. It is nil if there are too
// many.
func (k *Known) sandbox(id []byte) *Sandbox {
	s := k.sandboxes[string(id)]
	if s == nil {
		if len(k.sandboxes) >= maxKnown {
			k.Full = true
			return nil
		}
		if k.sandboxes == nil {
			k.sandboxes, k.containers = map[string]*Sandbox{}, map[string]*Sandbox{}
		}
		s = &Sandbox{ID: string(id)}
		k.sandboxes[s.ID] = s
	}
	return s
}

// LearnPods takes what container runtimes say of sandboxes.
func (k *Known) LearnPods(list []record.Pod) {
	for i := range list {
		p := &list[i]
		says := byRuntime
		if p.Plain {
			says = byText
		}
		s := k.sandbox([]byte(p.Sandbox))
		switch {
		case s == nil || says < s.by:
		case says > s.by:
			s.Pod, s.Namespace, s.UID, s.by = p.Name, p.Namespace, p.UID, says
		case says == byText && s.Pod != "" && (s.Pod != p.Name || s.Namespace != p.Namespace):
			k.differing = append(k.differing, s)
			s.Pod, s.Namespace, s.UID = "", "", ""
		}
	}
}

// Learn takes what a record says of ids.
func (k *Known) Learn(n *Names, r *record.Record) {
	id := r.Text(n.Sandbox)
	if len(id) == 0 {
		return
	}
	s := k.sandbox(id)
	if s == nil {
		return
	}
	if s.by < byFiles && k.resolver != nil {
		k.find(s, 1)
	}
	if r.Bool(n.Guest) {
		return
	}
	if name := r.Text(n.PodName); s.by == byNobody && len(name) > 0 && r.Flags&record.Parsed != 0 && n.Rank(r) == rankInfo && isRuntimes(r.Text(n.Msg)) {
		s.Pod, s.Namespace, s.UID, s.by = string(name), string(r.Text(n.PodNamespace)), string(r.Text(n.PodUID)), byText
	}
	if c := r.Text(n.Container); len(c) > 0 && k.containers[string(c)] == nil {
		if len(k.containers) >= maxKnown {
			k.Full = true
			return
		}
		k.containers[string(c)] = s
	}
}

// isRuntimes reports whether a message starts as those in which container runtimes name pods.
func isRuntimes(msg []byte) bool {
	return bytes.HasPrefix(msg, []byte("RunPodSandbox for ")) || bytes.HasPrefix(msg, []byte("Ran pod sandbox ")) || bytes.HasPrefix(msg, []byte("ran pod sandbox "))
}

// maxLookUps bounds the number of sandboxes that are looked up in the node's files: a look-up
// takes up to 20 ms.
const maxLookUps = 1000

// LookUp asks the files of this node for the pods of the sandboxes that the log does not name.
// It returns warnings about files that cannot be read.
func (k *Known) LookUp(roots []string) []string {
	there := false
	for _, root := range roots {
		if _, err := os.Stat(root); err == nil {
			there = true
		}
	}
	if !there || len(k.sandboxes) == 0 {
		return nil
	}
	k.resolver = pods.New(roots)
	n := 0
	for id, s := range k.sandboxes {
		if len(id) != idLen || n == maxLookUps {
			continue
		}
		tries := 1
		if n++; n > 40 { // the resolver limits how often files are read
			tries = 3
		}
		k.find(s, tries)
	}
	warnings := k.resolver.Warnings()
	k.resolver.Close()
	k.resolver = nil
	return warnings
}

// LookUpAlways has pods looked up in the files of this node as soon as their sandboxes are known. Close
// has to be called.
func (k *Known) LookUpAlways(roots []string) { k.resolver = pods.New(roots) }

// Close ends what LookUpAlways has begun.
func (k *Known) Close() {
	if k.resolver != nil {
		k.resolver.Close()
		k.resolver = nil
	}
}

// find asks the files of this node, whose word counts most, for the pod of a sandbox.
func (k *Known) find(s *Sandbox, tries int) {
	for i := range tries {
		if i > 0 {
			time.Sleep(25 * time.Millisecond)
		}
		w := pods.NewWait(100 * time.Millisecond)
		pod, _, result := k.resolver.Find([]byte(s.ID), nil, &w)
		if pod != nil {
			s.Pod, s.Namespace, s.UID, s.by = pod.Name, pod.Namespace, pod.UID, byFiles
		}
		if result != pods.Unresolved {
			return
		}
	}
}

// Differing returns the ids of sandboxes whose pods are not known since texts name different ones.
func (k *Known) Differing() (ids []string) {
	for _, s := range k.differing {
		if s.by == byText {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// All calls f for each sandbox.
func (k *Known) All(f func(*Sandbox)) {
	for _, s := range k.sandboxes {
		f(s)
	}
}
