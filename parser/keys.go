package parser

// The key table: what Kata's programs call things, and which type the values
// have, in whatever encoding they come. A key that is not here is text.
//
// It has two more uses. A guest's key that is not here makes no field of its
// own. And the keys that the parser itself looks at are found by their place.

// KeyRow is one key of the table.
type KeyRow struct {
	Name string // as Kata writes it
	Type Type
	From string // who writes it
}

// Places of the keys that the parser looks at. The order is that of keyRows.
const (
	keyTime = iota
	keyTs
	keyLevel
	keyMsg
	keyName
	keySource
	keySubsystem
	keyPid
	keyVersion
	keyComponent
	keySandbox
	keyContainer
	keyReq
	keyVMConsole
	// What this plugin writes itself.
	keyGuest
	keyParseError
	keyUnparsed
	keyConsoleNoise
	keyDuplicate
	keyAgentPid
	keyAgentTime
	keyAgentFields
)

// Who writes a key: names of programs as in Kata's documentation. "v1" is the Go
// agent of Kata 1.x, "agent" the Rust one.
const (
	fromLogrus  = "logrus"
	fromAll     = "all programs"
	fromPlugin  = "this plugin"
	fromRuntime = "runtime and shim (Go)"
	fromShim    = "containerd-shim-kata-v2 (Go)"
	fromProxy   = "kata-proxy, kata-shim 1.x"
	fromV1      = "agent v1 (Go)"
	fromAgent   = "agent (Rust)"
	fromRust    = "runtime-rs"
	fromMonitor = "kata-monitor"
	fromCRI     = "containerd, CRI-O"
)

var keyRows = []KeyRow{
	{"time", Text, fromLogrus},
	{"ts", Text, "slog: agent, runtime-rs"},
	{"level", Text, fromAll},
	{"msg", Text, fromAll},
	{"name", Text, fromAll},
	{"source", Text, fromAll},
	{"subsystem", Text, fromAll},
	{"pid", Integer, fromAll},
	{"version", Text, "slog: agent, runtime-rs; kata-runtime"},
	{"component", Text, "runtime-rs; kata-proxy (yamux)"},
	{"sandbox", Text, fromAll},
	{"container", Text, fromAll},
	{"req", Text, fromV1},
	{"vmconsole", Text, fromShim},

	{"guest", Bool, fromPlugin},
	{"parse_error", Text, fromPlugin},
	{"unparsed", Text, fromPlugin},
	{"console_noise", Text, fromPlugin},
	{"duplicate", Bool, fromPlugin},
	{"agent_pid", Integer, fromPlugin},
	{"agent_time", Text, fromPlugin},
	{"agent_fields", Text, fromPlugin},

	// Ids, and other words that look like numbers now and then.
	{"ID", Text, fromShim},
	{"id", Text, "shim (Go), containerd, CRI-O"},
	{"sandboxid", Text, fromShim},
	{"sandbox_id", Text, fromShim},
	{"sandboxID", Text, fromCRI},
	{"containerID", Text, fromCRI},
	{"container-id", Text, fromAgent},
	{"container_id", Text, fromAgent},
	{"cid", Text, fromAgent},
	{"eid", Text, fromAgent},
	{"exec", Text, fromRuntime},
	{"exec-id", Text, "kata-shim, agent"},
	{"exec_id", Text, fromAgent},
	{"process-id", Text, fromAgent},
	{"Container", Text, fromShim},
	{"pod", Text, fromMonitor},
	{"cri-uid", Text, fromMonitor},
	{"cri-name", Text, fromMonitor},
	{"cri-namespace", Text, fromMonitor},
	{"commit", Text, fromRuntime},
	{"git-commit", Text, fromMonitor},
	{"agent-version", Text, "runtime and shim (Go), agent v1"},
	{"agent-commit", Text, fromAgent},
	{"api-version", Text, fromAgent},
	{"machine", Text, fromRuntime},
	{"seqnum", Text, fromV1},
	{"parameter", Text, fromRuntime},
	{"value", Text, fromRuntime},
	{"file", Text, "katautils, CRI-O"},
	{"error", Text, fromAll},
	{"devno", Text, fromAgent},
	{"netns", Text, fromRuntime},
	{"pci-path", Text, fromAgent},
	{"pcipath", Text, fromAgent},
	{"socket permissions", Text, fromRuntime},
	{"other", Text, fromRuntime},
	{"host-cpus", Text, fromRuntime},
	{"numa-nodes", Text, fromRuntime},
	{"endpoint", Text, fromRuntime},
	{"endpoints", Text, "a count in one place, a list in another"},
	{"signal", Text, "a number or a name"},
	{"system-memory", Text, "a number with a unit"},
	{"duration", Text, fromV1},

	// Text that says who and where.
	{"arch", Text, fromRuntime},
	{"command", Text, fromRuntime},
	{"arguments", Text, fromRuntime},
	{"app", Text, fromMonitor},
	{"console-url", Text, fromShim},
	{"console-protocol", Text, fromShim},
	{"request", Text, fromV1},
	{"resp", Text, fromV1},
	{"action", Text, fromAgent},
	{"module", Text, fromAgent},
	{"config", Text, fromAgent},
	{"device-type", Text, fromV1},
	{"mount-point", Text, fromAgent},
	{"mount-source", Text, fromAgent},
	{"mount-fstype", Text, fromAgent},
	{"mount-options", Text, fromAgent},
	{"mount-destination", Text, fromAgent},
	{"storage-driver", Text, fromAgent},
	{"interface", Text, fromAgent},
	{"stream", Text, fromRust},
	{"namespace", Text, fromCRI},
	{"path", Text, fromCRI},
	{"description", Text, fromCRI},
	{"type", Text, fromRuntime},
	{"logrus_error", Text, fromLogrus},
	{"fields.time", Text, "logrus, agent: a caller's own time"},
	{"fields.msg", Text, fromLogrus},
	{"fields.level", Text, fromLogrus},
	{"rpc call:", Text, fromAgent},

	// Whole numbers.
	{"qemuPid", Integer, fromShim},
	{"StratoVirt Pid", Integer, fromShim},
	{"proxy-pid", Integer, fromRuntime},
	{"proxy", Integer, "kata-runtime before proxy-pid"},
	{"child-pid", Integer, fromAgent},
	{"exit-code", Integer, fromShim},
	{"status", Integer, "shim (Go), agent"},
	{"attempt", Integer, fromRuntime},
	{"timeout", Integer, fromRuntime},
	{"vcpus", Integer, fromRuntime},
	{"mem-mb", Integer, fromRuntime},
	{"mem", Integer, fromRuntime},
	{"memory", Integer, fromRuntime},
	{"hotplug-memory-mb", Integer, fromRuntime},
	{"memory-sandbox-size-mb", Integer, fromRuntime},
	{"cpus-sandbox", Integer, fromRuntime},
	{"workload mem in MB", Integer, fromRuntime},
	{"default mem", Integer, fromRuntime},
	{"qmp-major-version", Integer, fromRuntime},
	{"qmp-minor-version", Integer, fromRuntime},
	{"qmp-micro-version", Integer, fromRuntime},
	{"shm-size", Integer, fromRuntime},
	{"read-bytes", Integer, fromAgent},
	{"availSpaceInBytes", Integer, fromRuntime},
	{"sandboxMemoryByte", Integer, fromRuntime},
	{"guestMemorySizeInBytes", Integer, fromRuntime},
	{"uid", Integer, "shim (Go), agent"},
	{"gid", Integer, "shim (Go), agent"},
	{"numa-node", Integer, fromRuntime},
	{"bus-nr", Integer, fromRuntime},
	{"device-major", Integer, fromRuntime},
	{"device-minor", Integer, fromRuntime},
	{"channel-size", Integer, fromRuntime},
	{"count", Integer, "agent, runtime-rs (slog-async: messages lost)"},
	{"sandboxes count", Integer, fromRuntime},
	{"port", Integer, "runtime and shim (Go), agent"},
	{"mount-flags", Integer, fromAgent},
	{"uevent-seqnum", Integer, fromAgent},

	// Numbers with a fraction.
	{"workload cpu", Float, fromRuntime},
	{"default cpu", Float, fromRuntime},

	// Yes and no.
	{"debug_console", Bool, fromV1},
	{"debug", Bool, fromRuntime},
	{"terminal", Bool, fromShim},
	{"tracing", Bool, fromRuntime},
	{"hotplug", Bool, fromRuntime},
	{"inside-vm", Bool, fromRuntime},
	{"smtEnabled", Bool, fromRuntime},
	{"ipv6", Bool, fromRuntime},
	{"rollback", Bool, fromRuntime},
	{"proxy-exit-code", Bool, fromRuntime},
	{"notified", Bool, fromRuntime},
	{"cold-plug", Bool, "shim (Go); words in some versions"},
}

// reservedKeys are what a guest never sets, beside the keys of the line that
// carries its text: what the host knows, and what this plugin writes.
var reservedKeys = []string{
	"sandbox", "sandboxid", "sandbox_id", "sandboxID", "ID", "console-url", "console-protocol", "exec-id", "time",
	"guest", "parse_error", "unparsed", "console_noise", "duplicate",
}

// KeyTable lists the built-in table in its order. The caller must not change it.
func KeyTable() []KeyRow { return keyRows }
