package journal

import (
	"bytes"
	"strings"
)

// node is a part of what the caller wants entries to match. The Reader has one tree of nodes; each
// file has a copy of it, whose leaves have the lists of that file.
type node struct {
	kind     kind
	children []*node

	// Of a leaf:
	payload []byte // NAME=value
	name    int    // the length of NAME=
	data    uint64 // the data object, 0 if the file has none
	chain   chain
}

type kind int

const (
	leaf kind = iota
	and
	or
)

// Match adds a condition: entries that have a field of this name with this value. As in
// sd_journal_add_match, of several values for one name any will do, and of several names all have
// to match. Matches hold for the calls of Next and Previous that follow.
func (r *Reader) Match(name, value string) {
	payload := []byte(name + "=" + value)
	if r.root == nil {
		r.root = &node{kind: and}
	}
	if r.term == nil {
		if r.group == nil {
			r.group = r.root.add(&node{kind: or})
		}
		r.term = r.group.add(&node{kind: and})
	}
	l := &node{kind: leaf, payload: payload, name: len(name) + 1}
	for _, values := range r.term.children {
		if first := values.children[0]; first.name == l.name && bytes.HasPrefix(first.payload, payload[:l.name]) {
			values.add(l)
			l = nil
			break
		}
	}
	if l != nil {
		r.term.add(&node{kind: or}).add(l)
	}
	r.rematch()
}

// Or starts another set of conditions: entries match if they match what was added before it, or
// what is added after it.
func (r *Reader) Or() { r.term = nil }

// And ends a group of sets that are joined by Or: entries have to match what was added before it
// and what is added after it.
func (r *Reader) And() { r.term, r.group = nil, nil }

// ClearMatches removes all conditions.
func (r *Reader) ClearMatches() {
	r.root, r.group, r.term = nil, nil, nil
	r.rematch()
}

// MatchString returns the conditions in a form to be read.
func (r *Reader) MatchString() string {
	if r.root == nil {
		return ""
	}
	return r.root.String()
}

func (n *node) String() string {
	if n.kind == leaf {
		return string(n.payload)
	}
	var parts []string
	for _, c := range n.children {
		parts = append(parts, c.String())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	if n.kind == or {
		return "(" + strings.Join(parts, " OR ") + ")"
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

func (n *node) add(child *node) *node {
	n.children = append(n.children, child)
	return child
}

// rematch makes the files take the conditions again. The position is kept.
func (r *Reader) rematch() {
	for _, f := range r.files {
		f.match, f.checked = nil, false
	}
	r.positioned = false
}

func (n *node) clone() *node {
	c := *n
	c.children = nil
	for _, child := range n.children {
		c.add(child.clone())
	}
	return &c
}

// setMatches finds the lists of the matches in a file, or brings them up to date.
func (f *file) setMatches() error {
	if f.match == nil {
		f.match = f.reader.root.clone()
	} else if f.matched == f.serial {
		return nil
	}
	if err := f.match.find(f); err != nil {
		return err
	}
	f.matched = f.serial
	return nil
}

func (n *node) find(f *file) error {
	for _, c := range n.children {
		if err := c.find(f); err != nil {
			return err
		}
	}
	if n.kind != leaf {
		return nil
	}
	if n.data == 0 {
		at, err := f.findData(n.payload)
		if err != nil || at == 0 {
			return err
		}
		n.data = at
	}
	c, err := f.dataChain(n.data)
	if err != nil {
		return err
	}
	// What was found of a list stays; lists only grow.
	if old := &n.chain; old.file != nil && old.extra == c.extra && (old.first == c.first || old.first == 0) {
		old.n, old.first = c.n, c.first
	} else {
		n.chain = c
	}
	if f.state != stateArchived {
		n.chain.clamp()
	}
	return n.chain.verify()
}

// from is chain.from for a tree.
func (n *node) from(p uint64, forward bool) (uint64, error) {
	switch n.kind {
	case leaf:
		if n.data == 0 {
			return 0, nil
		}
		return n.chain.from(p, forward, nil)
	case or:
		var best uint64
		for _, c := range n.children {
			at, err := c.from(p, forward)
			if err != nil {
				return 0, err
			}
			if at != 0 && (best == 0 || at < best == forward) {
				best = at
			}
		}
		return best, nil
	}
	// An entry that is in all lists: go on to where the last list that moved is.
	var at uint64
	for same, i := 0, 0; same < len(n.children); i = (i + 1) % len(n.children) {
		q := p
		if at != 0 {
			if q = at; !forward {
				q++
			}
		}
		found, err := n.children[i].from(q, forward)
		if err != nil || found == 0 {
			return 0, err
		}
		if found != at {
			at, same = found, 0
		}
		same++
	}
	return at, nil
}

// matches reports whether an entry matches, by comparing its fields.
func (n *node) matches(f *file, e *entryHead) bool {
	if n.kind == leaf {
		return f.contains(e, n.payload)
	}
	for _, c := range n.children {
		if c.matches(f, e) == (n.kind == or) {
			return n.kind == or
		}
	}
	return n.kind == and
}

// advance sets f.next to the entry that comes next in a direction, and reports whether there is one.
func (f *file) advance(forward bool) bool {
	r := f.reader
	f.next.offset = 0
	p := f.gap
	if p != 0 { // with very many files this is too much for the first entry of each
		f.check()
	}
	for retries := 0; ; {
		at, err := f.candidate(p, forward)
		if err != nil {
			if !isDamage(err) {
				f.lose(err)
				return false
			}
			// In a file that is being written, a block may be older than what refers to it.
			if retries++; f.state != stateArchived && f.index == nil && retries < 4 && f.reload() == nil {
				continue
			}
			f.damaged(err)
			switch {
			case r.root != nil && !f.checked:
				f.checked = true
			case f.index == nil:
				f.rebuild()
			default:
				f.next.offset = 0
				return false
			}
			continue
		}
		if at == 0 {
			f.next.offset = 0
			return false
		}
		e := &f.next
		if forward && f.skip != nil && f.skip.covers(f, e) || f.checked && r.root != nil && !r.root.matches(f, e) {
			if p = at; forward {
				p++
			}
			r.cache.step()
			continue
		}
		return true
	}
}

// candidate finds the next entry, without regard to what only a comparison shows.
func (f *file) candidate(p uint64, forward bool) (uint64, error) {
	if f.reader.root == nil || f.checked {
		return f.main.from(p, forward, &f.next)
	}
	if err := f.setMatches(); err != nil {
		return 0, err
	}
	if f.state != stateArchived && f.main.n > 0 {
		return f.liveCandidate(p, forward)
	}
	at, err := f.match.from(p, forward)
	if err != nil || at == 0 {
		return 0, err
	}
	return at, f.entryAt(at, &f.next)
}

// liveCandidate is candidate for a file that may be written to. The writer counts an entry in the
// header, and then puts it into the lists of its fields one by one. So what was the last entry when
// the header was read is compared itself, the lists have those before it, and what they have
// behind it has to wait: an entry that is not in another list yet may come before.
func (f *file) liveCandidate(p uint64, forward bool) (uint64, error) {
	last, err := f.main.item(f.main.n - 1)
	if err != nil {
		return 0, err
	}
	lists := func(p uint64) (uint64, error) {
		at, err := f.match.from(p, forward)
		if err != nil || at == 0 || at >= last {
			return 0, err
		}
		return at, f.entryAt(at, &f.next)
	}
	if forward {
		if at, err := lists(p); at != 0 || err != nil || p > last {
			return at, err
		}
	}
	if forward || p > last {
		if err := f.entryAt(last, &f.next); err != nil {
			return 0, err
		}
		if f.reader.root.matches(f, &f.next) {
			return last, nil
		}
	}
	if forward {
		return 0, nil
	}
	return lists(min(p, last))
}

// consume moves the file's position past the candidate.
func (f *file) consume(forward bool) {
	if f.gap = f.next.offset; forward {
		f.gap++
	}
}
