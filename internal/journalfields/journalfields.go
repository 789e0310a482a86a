// Package journalfields has what is known of the fields of a journald entry: their
// names, how Fluent Bit's systemd input spells them, which of them only journald can
// set, and which of them hold what Kata's runtime in Rust (runtime-rs) logs.
//
// It is about names and short values only: it imports nothing but the standard
// library, in particular not internal/event, and neither parses nor writes records.
package journalfields

import (
	"bytes"
	"strings"
)

// Field is a field of a journald entry from which a record's origin, time or level is known;
// see systemd.journal-fields(7), except for Name and PID.
type Field uint8

const (
	None Field = iota // another field, or none
	SyslogIdentifier
	Name // of runtime-rs: the program's name
	LineBreak
	StreamID
	Cmdline
	Comm
	UID
	Transport
	Priority
	PID // of runtime-rs, with no underscore: journald's own is _PID
	SourceRealtimeTimestamp
	SystemdUnit

	// Count is how many values a Field can have.
	Count = int(SystemdUnit) + 1
)

// names are the fields' names as journald writes them.
var names = [Count]string{
	SyslogIdentifier: "SYSLOG_IDENTIFIER", Name: "NAME", LineBreak: "_LINE_BREAK", StreamID: "_STREAM_ID", Cmdline: "_CMDLINE", Comm: "_COMM",
	UID: "_UID", Transport: "_TRANSPORT", Priority: "PRIORITY", PID: "PID", SourceRealtimeTimestamp: "_SOURCE_REALTIME_TIMESTAMP",
	SystemdUnit: "_SYSTEMD_UNIT",
}

// String returns the field's name as journald writes it; of None it is empty.
func (f Field) String() string { return names[f] }

// Spelling is how the systemd input spells a field's name, as a set of its options: with
// none, 0, it does as journald does.
type Spelling uint8

const (
	Lower    Spelling = 1 << iota // Lowercase On: in small letters
	Stripped                      // Strip_Underscores On: without the underscore at the start
)

// Identify returns the field of which key is the name, and how that is spelled. Of a
// key that is spelled in another way, such as Name, the field is None.
//
// Any process may write a field whose name has no underscore at its start, so a name
// that is Stripped does not prove that journald wrote the field.
func Identify(key []byte) (Field, Spelling) {
	switch string(key) {
	case "SYSLOG_IDENTIFIER":
		return SyslogIdentifier, 0
	case "syslog_identifier":
		return SyslogIdentifier, Lower
	case "NAME":
		return Name, 0
	case "name":
		return Name, Lower
	case "_LINE_BREAK":
		return LineBreak, 0
	case "_line_break":
		return LineBreak, Lower
	case "LINE_BREAK":
		return LineBreak, Stripped
	case "line_break":
		return LineBreak, Stripped | Lower
	case "_STREAM_ID":
		return StreamID, 0
	case "_stream_id":
		return StreamID, Lower
	case "STREAM_ID":
		return StreamID, Stripped
	case "stream_id":
		return StreamID, Stripped | Lower
	case "_CMDLINE":
		return Cmdline, 0
	case "_cmdline":
		return Cmdline, Lower
	case "CMDLINE":
		return Cmdline, Stripped
	case "cmdline":
		return Cmdline, Stripped | Lower
	case "_COMM":
		return Comm, 0
	case "_comm":
		return Comm, Lower
	case "COMM":
		return Comm, Stripped
	case "comm":
		return Comm, Stripped | Lower
	case "_UID":
		return UID, 0
	case "_uid":
		return UID, Lower
	case "UID":
		return UID, Stripped
	case "uid":
		return UID, Stripped | Lower
	case "_TRANSPORT":
		return Transport, 0
	case "_transport":
		return Transport, Lower
	case "TRANSPORT":
		return Transport, Stripped
	case "transport":
		return Transport, Stripped | Lower
	case "PRIORITY":
		return Priority, 0
	case "priority":
		return Priority, Lower
	case "PID":
		return PID, 0
	case "pid":
		return PID, Lower
	case "_SOURCE_REALTIME_TIMESTAMP":
		return SourceRealtimeTimestamp, 0
	case "_source_realtime_timestamp":
		return SourceRealtimeTimestamp, Lower
	case "SOURCE_REALTIME_TIMESTAMP":
		return SourceRealtimeTimestamp, Stripped
	case "source_realtime_timestamp":
		return SourceRealtimeTimestamp, Stripped | Lower
	case "_SYSTEMD_UNIT":
		return SystemdUnit, 0
	case "_systemd_unit":
		return SystemdUnit, Lower
	case "SYSTEMD_UNIT":
		return SystemdUnit, Stripped
	case "systemd_unit":
		return SystemdUnit, Stripped | Lower
	}
	return None, 0
}

// Spellings returns the names of the fields for a record's origin and for lines that
// journald has cut, in each spelling that counts. LineBreak, StreamID and Transport count without
// their underscore too, where the entry shows that the systemd input took it; Cmdline,
// Comm and UID do not, since they would have to be trusted.
func Spellings() (list []string) {
	for _, f := range []Field{SyslogIdentifier, Name, Cmdline, Comm, UID, LineBreak, StreamID, Transport} {
		list = append(list, names[f], strings.ToLower(names[f]))
	}
	for _, f := range []Field{LineBreak, StreamID, Transport} {
		list = append(list, names[f][1:], strings.ToLower(names[f][1:]))
	}
	return list
}

// UnitSpellings returns the names of SystemdUnit that count, which has to be trusted, too.
func UnitSpellings() []string {
	return []string{names[SystemdUnit], strings.ToLower(names[SystemdUnit])}
}

// Values of LineBreak: what ended a line of a stream. An entry without the field ended with
// a newline.
const (
	LineMax = "line-max" // journald has cut the line: the stream's next entry continues it
	NUL     = "nul"      // the byte 0, which ends a line as a newline does
)

// IsRuntimeRS reports whether an entry with the given values of SyslogIdentifier and Name
// is one whose fields runtime-rs has written.
func IsRuntimeRS(identifier, name []byte) bool {
	return string(identifier) == "kata" && string(name) == "kata-runtime"
}

// IsRootShim reports whether a process with the given values of Comm and UID is a
// containerd shim that runs as root, so that its command line can be trusted.
func IsRootShim(comm, uid []byte) bool {
	return string(comm) == "containerd-shim" && string(uid) == "0"
}

// ShimSandbox returns the sandbox's id in the command line of containerd-shim-kata-v2, which
// has it as the flag -id (containerd, pkg/shim), or nil. It is a part of command.
func ShimSandbox(command []byte) []byte {
	for len(command) > 0 {
		var word []byte
		word, command, _ = bytes.Cut(command, []byte(" "))
		flag, ok := bytes.CutPrefix(word, []byte("-"))
		if !ok {
			continue
		}
		flag = bytes.TrimPrefix(flag, []byte("-"))
		id, ok := bytes.CutPrefix(flag, []byte("id="))
		if !ok && string(flag) == "id" {
			id, _, _ = bytes.Cut(command, []byte(" "))
			ok = true
		}
		if ok && len(id) > 0 && len(id) <= maxID {
			return id
		}
	}
	return nil
}

// maxID is the length in bytes beyond which nothing is a sandbox's id.
const maxID = 128

// IsRuntimeUnit reports whether a value of SystemdUnit is that of a container runtime, or of a
// Kubernetes that runs one itself.
func IsRuntimeUnit(unit []byte) bool {
	switch string(unit) {
	case "containerd.service", "crio.service", "cri-o.service", "k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service":
		return true
	}
	return false
}

// IsCallField reports whether a field of an entry that runtime-rs has written, in small
// letters if lower, holds a key of its logger or of the logging call. It does not if it
// is one of journald's or syslog's own, or if its name has another shape: other filters
// add such fields.
func IsCallField(key []byte, lower bool) bool {
	for _, c := range key {
		switch {
		case c == '_' || '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z' && !lower:
		case 'a' <= c && c <= 'z' && lower:
		default:
			return false
		}
	}
	if len(key) == 0 || key[0] == '_' {
		return false
	}
	for _, prefix := range []string{"CODE_", "SYSLOG_", "OBJECT_"} {
		if len(key) >= len(prefix) && bytes.EqualFold(key[:len(prefix)], []byte(prefix)) {
			return false
		}
	}
	return !bytes.EqualFold(key, []byte("MESSAGE")) && !bytes.EqualFold(key, []byte("MESSAGE_ID"))
}

// trusted are the fields that journald itself adds to an entry, without their underscore,
// in capitals and in small letters. PID is not among them: an entry of runtime-rs has one
// of its own.
var trusted = func() map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(`
		UID GID COMM EXE CMDLINE CAP_EFFECTIVE AUDIT_SESSION AUDIT_LOGINUID SYSTEMD_CGROUP SYSTEMD_SLICE
		SYSTEMD_UNIT SYSTEMD_USER_UNIT SYSTEMD_USER_SLICE SYSTEMD_SESSION SYSTEMD_OWNER_UID SELINUX_CONTEXT
		SOURCE_REALTIME_TIMESTAMP SOURCE_BOOTTIME_TIMESTAMP SOURCE_MONOTONIC_TIMESTAMP BOOT_ID MACHINE_ID SYSTEMD_INVOCATION_ID HOSTNAME
		TRANSPORT STREAM_ID LINE_BREAK NAMESPACE RUNTIME_SCOPE KERNEL_DEVICE KERNEL_SUBSYSTEM UDEV_SYSNAME
		UDEV_DEVNODE UDEV_DEVLINK`) {
		set[name], set[strings.ToLower(name)] = true, true
	}
	return set
}()

// IsTrusted reports whether key, a name without an underscore at its start, is that of a
// field that journald itself adds, in capitals or in small letters. With
// Strip_Underscores On it cannot be told from one that a process wrote.
func IsTrusted(key []byte) bool { return trusted[string(key)] }
