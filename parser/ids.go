package parser

import "bytes"

// One field for each id: programs and releases of Kata have the id of one sandbox, and
// of one container, under many keys. Where sandbox or container is empty it gets the
// first of the others, which stay as they are.

// addHostIDs fills the ids from what the host's record says.
func (p *Parser) addHostIDs(m *Message) {
	r := &p.rec
	var sandbox []byte // that the message names
	if m.Origin == Runtime {
		sandbox = p.addPod()
	}
	if len(r.textOf(keySandbox)) == 0 {
		id := p.firstText(p.keys.ids.sandbox) // journal fields are in lower case: none is ID
		if id == nil {
			id = sandbox
		}
		if id == nil && m.Sandbox != nil {
			id = m.Sandbox()
		}
		if len(id) > 0 {
			r.set(keySandbox, p.valid(id))
		}
	}
	if len(r.textOf(keyContainer)) == 0 {
		id := p.firstText(p.keys.ids.container)
		if id == nil {
			id = containerID(r.textOf(keyReq))
		}
		if id != nil {
			r.set(keyContainer, id)
		}
	}
	r.HostContainer = len(r.textOf(keyContainer)) > 0
	r.NamesPod = r.NamesPod && bytes.Equal(sandbox, r.textOf(keySandbox))
}

// addPod fills the pod that a container runtime's message names, and returns its sandbox's
// id, nil for none.
func (p *Parser) addPod() (sandbox []byte) {
	r := &p.rec
	msg := r.textOf(keyMsg)
	if len(msg) == 0 || msg[0]|0x20 != 'r' || p.isKatas() {
		return nil
	}
	var words runtimeWords
	words.parse(msg)
	for _, f := range []struct {
		keyID int
		text  []byte
	}{{keyPodName, words.name}, {keyPodNamespace, words.namespace}, {keyPodUID, words.uid}} {
		if len(f.text) > 0 {
			r.set(f.keyID, f.text)
		}
	}
	r.NamesPod = len(words.name) > 0
	return words.sandbox
}

// firstText is the first text that is not empty of those of the given keys, or nil.
func (p *Parser) firstText(keyIDs []int) []byte {
	for _, keyID := range keyIDs {
		if text := p.rec.textOf(keyID); len(text) > 0 {
			return text
		}
	}
	return nil
}

// addGuestContainer fills the container's id from what a guest record says, where the
// host says none.
func (p *Parser) addGuestContainer() {
	r := &p.rec
	if len(r.textOf(keyContainer)) > 0 {
		return
	}
	var best []byte
	by := idEid // the kind of best; what counts less than idCid is none
	inContainer := false
	for i := range p.members {
		m := &p.members[i]
		if m.keyID < 0 || m.kind > jsonNumber {
			continue
		}
		switch id := p.keys.rows[m.keyID].id; {
		case id == 0:
		case id == idEid:
			inContainer = true
		case id == idModule:
			inContainer = inContainer || string(m.value) == "rustjail"
		case id < by:
			value := p.cleanValue(m)
			if id == idRequest {
				value = containerID(value)
			}
			if len(value) > 0 {
				best, by = value, id
			}
		}
	}
	if len(best) > 0 && (by != idCid || inContainer) {
		r.set(keyContainer, best)
	}
}

// runtimeWords are what containerd and CRI-O say of a pod's sandbox in their own words.
type runtimeWords struct{ sandbox, name, namespace, uid []byte }

// parse reads the messages that map a sandbox to its pod:
//
//	RunPodSandbox for &PodSandboxMetadata{Name:web-0,Uid:0c1f,Namespace:shop,Attempt:0,} returns sandbox id "55bb"
//	RunPodSandbox for name:"web-0" uid:"0c1f" namespace:"shop" returns sandbox id "55bb"
//	Ran pod sandbox 55bb with infra container: shop/web-0/POD
//
// The first is containerd's up to 2.1, the second its later form, with one or two blanks
// between the fields and without those that are empty (internal/cri/server,
// sandbox_run.go); the third is CRI-O's (server/sandbox_run_linux.go). msg is not empty.
func (w *runtimeWords) parse(msg []byte) {
	if rest, ok := bytes.CutPrefix(msg, []byte("RunPodSandbox for ")); ok {
		const returns = ` returns sandbox id "`
		at := bytes.LastIndex(rest, []byte(returns))
		if at < 0 {
			return
		}
		metadata, id := rest[:at], rest[at+len(returns):]
		end := bytes.IndexByte(id, '"')
		if end < 0 || !isID(id[:end]) {
			return
		}
		w.sandbox = id[:end]
		if list, ok := bytes.CutPrefix(metadata, []byte("&PodSandboxMetadata{")); ok {
			w.name, w.uid, w.namespace = value(list, "Name:", ','), value(list, "Uid:", ','), value(list, "Namespace:", ',')
		} else {
			w.name, w.uid, w.namespace = value(metadata, `name:"`, '"'), value(metadata, `uid:"`, '"'), value(metadata, `namespace:"`, '"')
		}
		return
	}
	rest, ok := bytes.CutPrefix(msg[1:], []byte("an pod sandbox ")) // behind R or r
	if !ok {
		return
	}
	id, pod, ok := bytes.Cut(rest, []byte(" with infra container: "))
	if !ok || !isID(id) {
		return
	}
	namespace, pod, ok := bytes.Cut(pod, []byte("/"))
	name, _, more := bytes.Cut(pod, []byte("/"))
	w.sandbox = id
	if ok && more {
		w.name, w.namespace = name, namespace
	}
}

// value is the text in list between a key, which is the first of the list or behind a
// comma or blank, and an end; nil when it is not there whole.
func value(list []byte, key string, end byte) []byte {
	for at := 0; ; at++ {
		i := bytes.Index(list[at:], []byte(key))
		if i < 0 {
			return nil
		}
		if at += i; at > 0 && list[at-1] != ',' && list[at-1] != ' ' {
			continue
		}
		text := list[at+len(key):]
		n := bytes.IndexByte(text, end)
		if n < 0 {
			return nil
		}
		return text[:n]
	}
}

// isID reports whether text may be an id: one word.
func isID(text []byte) bool {
	return len(text) > 0 && len(text) <= 128 && bytes.IndexByte(text, ' ') < 0
}

// containerID is the id in an agent request's text form, container_id:"77aa",
// or in its JSON form; nil when there is none.
func containerID(req []byte) []byte {
	const key = "container_id"
	i := bytes.Index(req, []byte(key))
	if i < 0 {
		return nil
	}
	rest := bytes.TrimPrefix(req[i+len(key):], []byte(`"`))
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) == 0 || rest[0] != ':' {
		return nil
	}
	rest = bytes.TrimLeft(rest[1:], " ")
	if len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	end := bytes.IndexByte(rest[1:], '"')
	if end <= 0 || end > 128 {
		return nil
	}
	return rest[1 : 1+end]
}
