package choose

import (
	"os"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/pods"
)

// Sandbox is what is known of a sandbox.
type Sandbox struct {
	ID                  string
	Pod, Namespace, UID string
}

// Known is what the records and the node's files say of sandboxes. The zero Known is empty.
// Only the host's words count.
type Known struct {
	sandboxes  map[string]*Sandbox
	containers map[string]*Sandbox
	Full       bool // there were more than are kept
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

// Learn takes what a record says.
func (k *Known) Learn(n *Names, r *record.Record) {
	id := r.Text(n.Sandbox)
	if len(id) == 0 {
		return
	}
	s := k.sandboxes[string(id)]
	if s == nil {
		if len(k.sandboxes) >= maxKnown {
			k.Full = true
			return
		}
		if k.sandboxes == nil {
			k.sandboxes, k.containers = map[string]*Sandbox{}, map[string]*Sandbox{}
		}
		s = &Sandbox{ID: string(id)}
		k.sandboxes[s.ID] = s
	}
	if r.Bool(n.Guest) {
		return
	}
	if name := r.Text(n.PodName); len(name) > 0 && s.Pod == "" && n.Rank(r) == rankInfo {
		s.Pod, s.Namespace, s.UID = string(name), string(r.Text(n.PodNamespace)), string(r.Text(n.PodUID))
	}
	if c := r.Text(n.Container); len(c) > 0 && k.containers[string(c)] == nil {
		if len(k.containers) >= maxKnown {
			k.Full = true
			return
		}
		k.containers[string(c)] = s
	}
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
	r := pods.New(roots)
	defer r.Close()
	n := 0
	for id, s := range k.sandboxes {
		if len(id) != idLen || n == maxLookUps {
			continue
		}
		n++
		for range 3 { // the resolver limits how often files are read
			w := pods.NewWait(100 * time.Millisecond)
			pod, _, result := r.Find([]byte(id), nil, &w)
			if pod != nil {
				s.Pod, s.Namespace, s.UID = pod.Name, pod.Namespace, pod.UID // a file's word counts first
				break
			}
			if result != pods.Unresolved || n <= 40 {
				break
			}
			time.Sleep(25 * time.Millisecond)
		}
	}
	return r.Warnings()
}

// All calls f for each sandbox.
func (k *Known) All(f func(*Sandbox)) {
	for _, s := range k.sandboxes {
		f(s)
	}
}
