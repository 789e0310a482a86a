// Package choose decides which records are shown, and knows which sandbox and container belong
// to which pod. It reads only what the filter has written into a record.
package choose

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/lines"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Names are the names of the fields that are read here and by other packages: the filter's,
// with its prefix.
type Names struct {
	Prefix                                                      string
	Level, Detected, Msg, Source, Subsystem, Name, Sandbox      string
	Container, Guest, ParseError, PodName, PodNamespace, PodUID string
	ContainerName, AgentTime, Duplicate, PID, Time, Unparsed    string
}

// NewNames returns the names with a prefix.
func NewNames(prefix string) *Names {
	return &Names{
		Prefix: prefix, Level: prefix + "level", Detected: prefix + "detected_level", Msg: prefix + "msg",
		Source: prefix + "source", Subsystem: prefix + "subsystem", Name: prefix + "name", Sandbox: prefix + "sandbox",
		Container: prefix + "container", Guest: prefix + "guest", ParseError: prefix + "parse_error",
		PodName: prefix + "pod_name", PodNamespace: prefix + "pod_namespace", PodUID: prefix + "pod_uid",
		ContainerName: prefix + "container_name", AgentTime: prefix + "agent_time", Duplicate: prefix + "duplicate",
		PID: prefix + "pid", Time: prefix + "time", Unparsed: prefix + "unparsed",
	}
}

// Message returns what a record says: the parsed message, or else the text itself.
func (n *Names) Message(r *record.Record) []byte {
	if p := r.Field(n.Msg); p != nil {
		return p.Text
	}
	return n.Text(r)
}

// Text returns the text that the message was parsed from, nil if it was not kept.
func (n *Names) Text(r *record.Record) []byte {
	for _, key := range [...]string{"MESSAGE", "message", "log"} {
		if p := r.Field(key); p != nil {
			return p.Text
		}
	}
	return nil
}

// IsText reports whether a key is that of the text of Text.
func IsText(key []byte) bool {
	switch string(key) {
	case "MESSAGE", "message", "log":
		return true
	}
	return false
}

// Program returns who wrote a record: its source, or else what else names its program.
func (n *Names) Program(r *record.Record) []byte {
	for _, key := range [...]string{n.Source, n.Name, "SYSLOG_IDENTIFIER", "_COMM"} {
		if text := r.Text(key); len(text) > 0 {
			return text
		}
	}
	return nil
}

// Rank returns the level of a record as an index in parser.Levels: the higher one of its level and
// of that which console text names; for records that were not parsed that of journald or of klog.
// It is None without a level, and Unknown if the level is another word.
func (n *Names) Rank(r *record.Record) int {
	if level := r.Text(n.Level); level != nil {
		rank := parser.LevelRank(level)
		if rank < 0 {
			rank = Unknown
		}
		if detected := r.Text(n.Detected); detected != nil {
			rank = max(rank, parser.LevelRank(detected))
		}
		return rank
	}
	if text := n.Text(r); lines.IsKlog(text) {
		return klogRanks[text[0]]
	}
	if p := r.Text("PRIORITY"); len(p) == 1 && '0' <= p[0] && p[0] <= '7' {
		return priorityRanks[p[0]-'0']
	}
	return None
}

// Ranks of no level.
const (
	None    = -1
	Unknown = -2
)

var (
	klogRanks     = map[byte]int{'I': rankOf("info"), 'W': rankOf("warning"), 'E': rankOf("error"), 'F': rankOf("fatal")}
	priorityRanks = [8]int{
		rankOf("critical"), rankOf("critical"), rankOf("critical"), rankOf("error"), rankOf("warning"), rankOf("info"), rankOf("info"), rankOf("debug"),
	}
	rankInfo  = rankOf("info")
	rankError = rankOf("error")
)

func rankOf(level string) int { return parser.LevelRank([]byte(level)) }

// IsError reports whether a rank is that of an error, or worse.
func IsError(rank int) bool { return rank >= rankError }

// Choice says which records are shown. The zero Choice chooses all.
type Choice struct {
	Names      *Names
	Pods       []PodPattern
	Sandboxes  []string // starts of ids
	Containers []string
	Level      int   // the lowest rank that is shown, -1 for all
	Since      int64 // nanoseconds since 1970; 0 for none
	Until      int64
	Guest      bool // only what guests wrote
	Host       bool // only what the host wrote
	Sources    []string
	Grep       []*regexp.Regexp // each has to match
	Errors     bool
	Known      *Known
}

// PodPattern is a pod's name, and its namespace if that is not empty, as patterns of path.Match.
type PodPattern struct{ Namespace, Name string }

// ParsePod reads [NAMESPACE/]NAME.
func ParsePod(text string) (p PodPattern, err error) {
	p.Name = text
	if namespace, name, ok := strings.Cut(text, "/"); ok {
		p.Namespace, p.Name = namespace, name
	}
	if _, err = path.Match(p.Name, ""); err == nil {
		_, err = path.Match(p.Namespace, "")
	}
	return p, err
}

// Match reports whether the pattern is that of a pod.
func (p PodPattern) Match(namespace, name string) bool {
	ok, _ := path.Match(p.Name, name)
	if !ok || name == "" {
		return false
	}
	if p.Namespace == "" {
		return true
	}
	ok, _ = path.Match(p.Namespace, namespace)
	return ok
}

// NeedsIDs reports whether it must be known beforehand which ids are chosen.
func (c *Choice) NeedsIDs() bool { return len(c.Pods)+len(c.Sandboxes)+len(c.Containers) > 0 }

// InTime reports whether a time is chosen.
func (c *Choice) InTime(nano int64) bool {
	return nano >= c.Since && (c.Until == 0 || nano < c.Until)
}

// Match reports whether a record is chosen.
func (c *Choice) Match(r *record.Record) bool {
	if !c.InTime(r.Nano) {
		return false
	}
	n := c.Names
	if c.Level >= 0 || c.Errors {
		rank := n.Rank(r)
		if c.Errors && rank < rankError {
			return false
		}
		if rank == None {
			rank = rankInfo
		}
		if rank != Unknown && rank < c.Level {
			return false
		}
	}
	if (c.Guest || c.Host) && r.Bool(n.Guest) != c.Guest {
		return false
	}
	if len(c.Sources) > 0 && !c.matchSource(r) {
		return false
	}
	for _, g := range c.Grep {
		if !c.grep(g, r) {
			return false
		}
	}
	return !c.NeedsIDs() || c.matchID(r)
}

// matchSource reports whether the record's source, subsystem, program or identifier is one of
// those wanted, or below it as virtcontainers/hypervisor is below virtcontainers.
func (c *Choice) matchSource(r *record.Record) bool {
	for _, key := range [...]string{c.Names.Source, c.Names.Subsystem, c.Names.Name, "SYSLOG_IDENTIFIER"} {
		text := r.Text(key)
		for _, want := range c.Sources {
			if rest, ok := bytes.CutPrefix(text, []byte(want)); ok && len(text) > 0 && (len(rest) == 0 || rest[0] == '/') {
				return true
			}
		}
	}
	return false
}

// grep reports whether the expression matches a text of the record.
func (c *Choice) grep(g *regexp.Regexp, r *record.Record) bool {
	for i := range r.Pairs {
		if p := &r.Pairs[i]; p.Text != nil && (IsText(p.Key) || bytes.HasPrefix(p.Key, []byte(c.Names.Prefix))) && g.Match(p.Text) {
			return true
		}
	}
	return false
}

// matchID reports whether the record is of a chosen pod, sandbox or container: by the ids that it
// has, or, if it is a host's, by those in its text.
func (c *Choice) matchID(r *record.Record) bool {
	n := c.Names
	sandbox, container := r.Text(n.Sandbox), r.Text(n.Container)
	for _, want := range c.Sandboxes {
		if len(sandbox) > 0 && bytes.HasPrefix(sandbox, []byte(want)) {
			return true
		}
	}
	for _, want := range c.Containers {
		if len(container) > 0 && bytes.HasPrefix(container, []byte(want)) {
			return true
		}
	}
	guest := r.Bool(n.Guest)
	if len(c.Pods) > 0 {
		if s := c.Known.Sandbox(sandbox); s != nil && s.Pod != "" {
			return c.matchPod(s.Namespace, s.Pod)
		}
		if s := c.Known.OfContainer(container); s != nil && s.Pod != "" && !guest {
			return c.matchPod(s.Namespace, s.Pod)
		}
		// What sandbox_metadata of the filter, in Fluent Bit, or Fluent Bit's filter kubernetes has added.
		if name := r.Text(n.PodName); name != nil && r.Flags&record.Parsed != 0 && c.matchPod(string(r.Text(n.PodNamespace)), string(name)) {
			return true
		}
		if p := r.Field("kubernetes"); p != nil {
			if name := textIn(p.Value, "pod_name"); name != nil {
				return c.matchPod(string(textIn(p.Value, "namespace_name")), string(name))
			}
		}
	}
	if guest || len(sandbox) > 0 {
		return false
	}
	return c.matchText(n.Text(r)) || c.matchText(r.Text(n.Msg))
}

// textIn returns the text of a key in a map as msgpack, nil if there is none.
func textIn(value []byte, key string) (text []byte) {
	event.Members(value, 0, func(k, v []byte) {
		if text == nil && string(k) == key {
			text = v
		}
	})
	return text
}

func (c *Choice) matchPod(namespace, name string) bool {
	for _, p := range c.Pods {
		if p.Match(namespace, name) {
			return true
		}
	}
	return false
}

// minPrefix is the length from which on the start of an id is looked for in a text.
const minPrefix = 8

// matchText reports whether a text has the id of a chosen sandbox or container, or the name of a
// chosen pod as kubelet writes it.
func (c *Choice) matchText(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	for rest := text; len(rest) >= idLen; {
		start, end := nextID(rest)
		if start < 0 {
			break
		}
		id := rest[start:end]
		rest = rest[end:]
		for _, want := range [...][]string{c.Sandboxes, c.Containers} {
			for _, prefix := range want {
				if len(prefix) >= minPrefix && bytes.HasPrefix(id, []byte(prefix)) {
					return true
				}
			}
		}
		if len(c.Pods) > 0 {
			if s := c.Known.Sandbox(id); s != nil && c.matchPod(s.Namespace, s.Pod) {
				return true
			}
			if s := c.Known.OfContainer(id); s != nil && c.matchPod(s.Namespace, s.Pod) {
				return true
			}
		}
	}
	for _, p := range c.Pods {
		if i := bytes.Index(text, []byte(p.Name)); i > 0 && !strings.ContainsAny(p.Name, "*?[") {
			after := text[i+len(p.Name):]
			if text[i-1] == '/' && (len(after) == 0 || !isNameByte(after[0])) &&
				(p.Namespace == "" || bytes.HasSuffix(text[:i-1], []byte(p.Namespace))) {
				return true
			}
		}
	}
	return false
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.'
}

const idLen = 64

// nextID returns where the first id in a text is: 64 hexadecimal digits.
func nextID(text []byte) (start, end int) {
	run := 0
	for i, c := range text {
		if '0' <= c && c <= '9' || 'a' <= c && c <= 'f' {
			if run++; run == idLen {
				return i + 1 - idLen, i + 1
			}
			continue
		}
		run = 0
	}
	return -1, -1
}
