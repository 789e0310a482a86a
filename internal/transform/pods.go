package transform

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
	"github.com/kata-logs/fluent-bit-kata/internal/pods"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// podOf is the pod that a record belongs to.
type podOf struct {
	pod       *pods.Pod // nil for none
	id        []byte    // of the container, if it is the host's word
	container string    // its name, if that is known
	hasKey    bool      // the record has the key of the map itself
}

// podKeys are the keys of the fields that have the pod where there is no map, by index in
// plan.podFields.
var podKeys = [...]string{"pod_name", "pod_namespace", "pod_uid", "container_name"}

var levelInfo = parser.LevelRank([]byte("info"))

// planPods sets what follows from the options of sandbox_metadata.
func (p *plan) planPods() {
	p.wanted = append(p.wanted, journalfields.UnitSpellings()...)
	p.podWait = pods.MaxWait
	p.podKey = []byte(p.SandboxMetadataKey)
	if len(p.podKey) > 0 {
		p.wanted = append(p.wanted, p.SandboxMetadataKey)
	}
	for i, name := range podKeys {
		for id, key := range p.keys {
			if key.Name == name {
				p.podFields[i] = parser.KeyID(id)
			}
		}
	}
}

// namesPod reports whether the words of a record are those in which a container runtime names the
// pod of a sandbox. A runtime says it at level info; an error may quote what a pod has chosen. Keys
// of a message, such as pod_name=, do not count: part of a guest's text may come as a line of the
// runtime's own stream, and only what needs quotes cannot be in it, since those are escaped there.
func namesPod(rec *parser.Record) bool {
	return rec.NamesPod && rec.Reason == parser.OK && rec.Rank == levelInfo
}

// learnPod notes the pod that the container runtime names in a record. unit is the systemd unit
// that wrote it.
func (w *worker) learnPod(rec *parser.Record, unit []byte) {
	if !namesPod(rec) || !journalfields.IsRuntimeUnit(unit) {
		return
	}
	w.pods.Learn(w.fieldText(rec, "sandbox"), w.fieldText(rec, podKeys[0]), w.fieldText(rec, podKeys[1]), w.fieldText(rec, podKeys[2]), &w.wait)
}

// findPod looks up the pod of a record by the ids that the host has said. hasKey says that the
// record has the key of the map with the pod.
func (w *worker) findPod(rec *parser.Record, hasKey bool) {
	w.podOf = podOf{hasKey: hasKey}
	sandbox := w.fieldText(rec, "sandbox") // a guest never sets it
	if rec.HostContainer {
		w.podOf.id = w.fieldText(rec, "container")
	}
	if len(sandbox)+len(w.podOf.id) == 0 {
		return
	}
	var result pods.Result
	w.podOf.pod, w.podOf.container, result = w.pods.Find(sandbox, w.podOf.id, &w.wait)
	w.counts.pods[result]++
	if pod := w.podOf.pod; pod != nil && len(w.podKey) == 0 {
		for i, text := range [...]string{pod.Name, pod.Namespace, pod.UID, w.podOf.container} {
			if text != "" {
				rec.SetText(w.podFields[i], []byte(text))
			}
		}
	}
}

// fieldText returns the text of the record's field, nil if it has none.
func (w *worker) fieldText(rec *parser.Record, name string) []byte {
	if i := rec.Index([]byte(name)); i >= 0 && rec.Fields[i].Type == parser.Text {
		return rec.Text(&rec.Fields[i])
	}
	return nil
}

// hasPodKey reports whether the event that is written has the key of the map with the pod
// without the map: that of the record, which is left alone, or a field of that name. omitted is
// what selectPairs returned.
func (w *worker) hasPodKey(rec *parser.Record, omitted int) bool {
	if w.podOf.hasKey && omitted == 0 {
		return true
	}
	if w.podOf.hasKey { // then selectPairs has listed all pairs
		for i := range w.ev.Pairs {
			p := &w.ev.Pairs[i]
			if p.KeyKind == event.Str && bytes.Equal(w.chunk[p.Key:p.Value], w.podKey) && !w.omit[i] {
				return true
			}
		}
	}
	if len(w.nest) > 0 {
		return false
	}
	if len(w.prefix) == 0 && w.isRenamedFlag(rec, w.podKey) {
		return true
	}
	name, ok := bytes.CutPrefix(w.podKey, w.prefix)
	return ok && w.writes(rec, name)
}

// writePod writes the map with the pod and reports whether there was memory for it. Its keys are
// those of Fluent Bit's filter kubernetes.
func (w *worker) writePod() bool {
	pod, id, container := w.podOf.pod, w.podOf.id, w.podOf.container
	pairs := [...]struct{ key, value string }{
		{"pod_name", pod.Name}, {"namespace_name", pod.Namespace}, {"pod_id", pod.UID}, {"container_name", container},
	}
	size, n := len(w.podKey)+len(id), 0
	for i := range pairs {
		size += len(pairs[i].value)
		if pairs[i].value != "" {
			n++
		}
	}
	if len(id) > 0 {
		n++
	}
	const keys = len("pod_name" + "namespace_name" + "pod_id" + "container_name" + "docker_id")
	if !w.out.Reserve(size + keys + 12*event.MaxHeader) {
		return false
	}
	b := event.AppendMapHeader(event.AppendStr(w.out.B, w.podKey), n)
	for i := range pairs {
		if p := &pairs[i]; p.value != "" {
			b = event.AppendStrHeader(event.AppendStr(b, []byte(p.key)), len(p.value))
			b = append(b, p.value...)
		}
	}
	if len(id) > 0 {
		b = event.AppendStr(event.AppendStr(b, []byte("docker_id")), id)
	}
	w.out.B = b
	return true
}
