package parser

// The key table: what Kata's programs call things, and which type the values
// have, in whatever encoding they come. A key that is not here is text.
//
// It has two more uses. A guest's key that is not here makes no field of its
// own. And the parser knows the keys that it looks at itself by their key IDs.
//
// The rows were read from the logging calls of every release up to 4.1.0. All
// keys of the agents are here, and of the other programs all keys that are not
// text. Where the programs do not agree on a key it is text, unless most of them
// are numbers and the rest can go to KEY_text; a comment says so.
// docs/keys.md lists the table for users and is made from it.

// keyRow is one key of the table.
type keyRow struct {
	Name string // as Kata writes it
	Type Type
	From string // who writes it: "PROGRAM, PROGRAM: a file that does"
}

// Key IDs of the keys that the parser looks at. The order is that of keyRows.
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
	keyDetectedLevel
	keyPodName
	keyPodNamespace
	keyPodUID
	keyContainerName
	keyAgentPid
	keyAgentTime
	keyAgentSource
	keyAgentFields
)

// Who writes a key. "agent" is the Rust agent and "agent v1" the Go one of Kata
// 1.x; "runtime" is kata-runtime and containerd-shim-kata-v2 in Go, which share
// their code; runtime-rs is the shim in Rust. A file that starts with src is in
// the repository kata-containers, at one release at least; another one is in
// the program's own repository of Kata 1.x.
const (
	fromAll    = "all programs"
	fromLogrus = "logrus"
	fromPlugin = "this plugin"
)

var keyRows = []keyRow{
	{"time", Text, fromLogrus},
	{"ts", Text, "agent, runtime-rs"},
	{"level", Text, fromAll},
	{"msg", Text, fromAll},
	{"name", Text, fromAll},
	{"source", Text, fromAll},
	{"subsystem", Text, fromAll},
	{"pid", Integer, fromAll},
	{"version", Text, "agent, agent v1, runtime, runtime-rs, kata-monitor: src/libs/logging/src/lib.rs"},
	{"component", Text, "agent v1, runtime-rs, kata-proxy: src/libs/logging/src/lib.rs"},
	{"sandbox", Text, fromAll},
	{"container", Text, "agent v1, runtime, runtime-rs, kata-shim: src/runtime/virtcontainers/container.go"},
	{"req", Text, "agent v1, runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"vmconsole", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},

	{"guest", Bool, fromPlugin},
	{"parse_error", Text, fromPlugin},
	{"unparsed", Text, fromPlugin},
	{"console_noise", Text, fromPlugin},
	{"duplicate", Bool, fromPlugin},
	{"detected_level", Text, fromPlugin},
	{"pod_name", Text, fromPlugin},
	{"pod_namespace", Text, fromPlugin},
	{"pod_uid", Text, fromPlugin},
	{"container_name", Text, fromPlugin},
	{"agent_pid", Integer, fromPlugin},
	{"agent_time", Text, fromPlugin},
	{"agent_source", Text, fromPlugin},
	{"agent_fields", Text, fromPlugin},

	// Text that agents write, and others too.
	{"access", Text, "agent: src/agent/src/device/mod.rs"},
	{"action", Text, "agent: src/agent/rustjail/src/container.rs"},
	{"address", Text, "agent, runtime: src/agent/src/rpc.rs"},
	{"agent-commit", Text, "agent: src/agent/src/main.rs"},
	{"agent-type", Text, "agent: src/agent/src/main.rs"},
	{"agent-version", Text, "agent: src/agent/src/main.rs"},
	{"api-version", Text, "agent: src/agent/src/main.rs"},
	{"base-device", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"cgroup", Text, "agent: src/agent/rustjail/src/cgroups/fs/mod.rs"},
	{"child-status", Text, "agent: src/agent/src/signal.rs"},
	{"cid", Text, "agent, runtime: src/agent/rustjail/src/container.rs"},
	{"command", Text, "agent, runtime, kata-netmon: src/agent/rustjail/src/container.rs"},
	{"completePCIAddr", Text, "agent v1: device.go"},
	{"config", Text, "agent, runtime, agent-ctl: src/agent/src/main.rs"},
	{"container-id", Text, "agent, agent v1, runtime: src/agent/src/rpc.rs"},
	{"container_path", Text, "agent: src/agent/src/device/mod.rs"},
	{"containerID", Text, "agent v1, CRI-O: grpc.go"},
	{"cpuset", Text, "agent v1: cgroup.go"},
	{"des-path", Text, "agent v1: grpc.go"},
	{"device", Text, "agent, agent v1, runtime: src/agent/src/storage/multi_layer_erofs.rs"},
	{"device-container-path", Text, "agent v1: device.go"},
	{"device-handlers", Text, "agent v1: agent.go"},
	{"device-id", Text, "agent v1, runtime: device.go"},
	{"device-name", Text, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"device-options", Text, "agent v1: device.go"},
	{"device-path", Text, "agent, agent v1, runtime: src/agent/src/rpc.rs"},
	{"device-type", Text, "agent v1, runtime: device.go"},
	{"device-vm-path", Text, "agent v1: device.go"},
	{"devID", Text, "agent v1: device.go"},
	{"devname", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"driver", Text, "agent, runtime: src/agent/src/storage/mod.rs"},
	{"duration", Text, "agent v1: agent.go"},
	{"eid", Text, "agent: src/agent/rustjail/src/container.rs"},
	{"erofs-devices", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"error", Text, "all programs: src/agent/src/rpc.rs"},
	{"event", Text, "agent, runtime, kata-monitor: src/agent/src/uevent.rs"},
	{"exec-id", Text, "agent, runtime, kata-shim: src/agent/src/rpc.rs"},
	{"exposed", Text, "agent: src/agent/src/device/mod.rs"},
	{"ext4-device", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"extra-features", Text, "agent: src/agent/src/main.rs"},
	{"file", Text, "agent v1, runtime: channel.go"},
	{"final_path", Text, "agent: src/agent/src/device/mod.rs"},
	{"fn", Text, "agent: src/agent/src/storage/mod.rs"},
	{"fstype", Text, "agent, runtime: src/agent/src/storage/mod.rs"},
	{"guest-cpus", Text, "agent v1: cgroup.go"},
	{"hash_algorithm", Text, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"host", Text, "agent: src/agent/src/grpc.rs"},
	{"HugePagesOption", Text, "agent v1: mount.go"},
	{"interface-name", Text, "agent v1: network.go"},
	{"link", Text, "agent v1, runtime: network.go"},
	{"lowerdir", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"mac-address", Text, "agent v1: network.go"},
	{"module", Text, "agent, runtime: src/agent/rustjail/src/container.rs"},
	{"module-name", Text, "agent v1: grpc.go"},
	{"module-params", Text, "agent v1: grpc.go"},
	{"mount-destination", Text, "agent, agent v1: src/agent/src/storage/ephemeral_handler.rs"},
	{"mount-fstype", Text, "agent, agent v1: src/agent/src/storage/ephemeral_handler.rs"},
	{"mount-options", Text, "agent, agent v1: src/agent/src/storage/ephemeral_handler.rs"},
	{"mount-path", Text, "agent: src/agent/src/storage/mod.rs"},
	{"mount-point", Text, "agent, runtime: src/agent/src/storage/mod.rs"},
	{"mount-source", Text, "agent, agent v1, runtime: src/agent/src/storage/ephemeral_handler.rs"},
	{"mount-source:", Text, "agent: src/agent/src/mount.rs"},
	{"netdev", Text, "agent, runtime: src/agent/src/rpc.rs"},
	{"oci-hook-name", Text, "agent v1: oci.go"},
	{"oci-hook-path", Text, "agent v1: agent.go"},
	{"oci-hook-type", Text, "agent v1: oci.go"},
	{"online-path", Text, "agent v1: grpc.go"},
	{"option", Text, "agent v1: config.go"},
	{"original-options", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"panic", Text, "agent v1, runtime, kata-proxy, kata-shim: signals.go"},
	{"partition", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"partition-device", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"path", Text, "all programs: src/libs/kata-types/src/dmverity.rs"},
	{"pci-address", Text, "agent v1: network.go"},
	{"pci-path", Text, "agent v1, runtime: network.go"},
	{"pciAddr", Text, "agent v1: device.go"},
	{"pciID", Text, "agent v1: device.go"},
	{"procFile", Text, "agent v1: grpc.go"},
	{"range-of-vcpus", Text, "agent v1: grpc.go"},
	{"raw-path", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"request", Text, "agent v1, agent-ctl: agent.go"},
	{"resolved-path", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"resp", Text, "agent v1: agent.go"},
	{"rlimit", Text, "agent v1: grpc.go"},
	{"salt", Text, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"shell", Text, "agent v1: agent.go"},
	{"sigCgt", Text, "agent v1: grpc.go"},
	{"signal", Text, "all programs: src/agent/src/rpc.rs"}, // a number or a name
	{"snapshot", Text, "agent: src/agent/src/device/mod.rs"},
	{"src", Text, "agent v1, runtime: agent.go"},
	{"storage-handlers", Text, "agent v1: agent.go"},
	{"storage-type", Text, "agent: src/agent/src/storage/ephemeral_handler.rs"},
	{"sysfsMemoryBlockSizePath", Text, "agent v1: grpc.go"},
	{"sysfsRelPath", Text, "agent v1: device.go"},
	{"system-memory", Text, "agent v1: agent.go"}, // with a unit
	{"table_params", Text, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"target", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"target-mac", Text, "agent: src/agent/src/rpc.rs"},
	{"tmp-path", Text, "agent v1: grpc.go"},
	{"trace-mode", Text, "agent v1: config.go"},
	{"trace-type", Text, "agent v1: config.go"},
	{"trigger-mount-point", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"type", Text, "agent, agent v1, runtime: src/agent/src/device/mod.rs"},
	{"uevent", Text, "agent: src/agent/src/uevent.rs"},
	{"uevent-action", Text, "agent v1: agent.go"},
	{"uevent-devname", Text, "agent v1: agent.go"},
	{"uevent-devpath", Text, "agent v1: agent.go"},
	{"uevent-subsystem", Text, "agent v1: agent.go"},
	{"upper-source", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"upperdir", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"verity-device", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"wait_status result", Text, "agent: src/agent/src/signal.rs"},
	{"workdir", Text, "agent: src/agent/src/storage/multi_layer_erofs.rs"},

	// Text that the host's programs write.
	{"addr", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"app", Text, "kata-monitor: src/runtime/cmd/kata-monitor/main.go"},
	{"arch", Text, "runtime, kata-monitor: src/runtime/cmd/kata-runtime/main.go"},
	{"args", Text, "runtime: src/runtime/virtcontainers/clh.go"},
	{"arguments", Text, "runtime: src/runtime/cmd/kata-runtime/main.go"},
	{"arpneighbors-requested", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"bdf", Text, "runtime, runtime-rs: src/runtime/virtcontainers/physical_endpoint.go"},
	{"commit", Text, "runtime: src/runtime/cmd/kata-runtime/main.go"},
	{"console-protocol", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"console-url", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"Container", Text, "runtime: src/runtime/containerd-shim-v2/service.go"},
	{"container state", Text, "runtime: src/runtime/cli/kill.go"},
	{"container-type", Text, "runtime: src/runtime/pkg/containerd-shim-v2/create.go"},
	{"container_id", Text, "runtime-rs: src/runtime-rs/crates/runtimes/virt_container/src/container_manager/container.rs"},
	{"contents", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"cri-name", Text, "kata-monitor: src/runtime/pkg/kata-monitor/cri.go"},
	{"cri-namespace", Text, "kata-monitor: src/runtime/pkg/kata-monitor/cri.go"},
	{"cri-uid", Text, "kata-monitor: src/runtime/pkg/kata-monitor/cri.go"},
	{"default-kernel-parameters", Text, "runtime: src/runtime/pkg/katautils/config.go"},
	{"description", Text, "runtime, CRI-O: src/runtime/cmd/kata-runtime/kata-check.go"},
	{"dev-bdf", Text, "runtime: src/runtime/pkg/device/drivers/utils.go"},
	{"dev-id", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"device-bdf", Text, "runtime: src/runtime/pkg/device/drivers/vfio.go"},
	{"device-info", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"devices", Text, "runtime: src/runtime/virtcontainers/container.go"},
	{"devInfo", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"devno", Text, "runtime: src/runtime/virtcontainers/qemu_s390x.go"},
	{"end", Text, "runtime: src/runtime/virtcontainers/device/manager/utils.go"}, // a number or its hex text
	{"endpoint", Text, "runtime: src/runtime/cmd/kata-runtime/factory.go"},
	{"endpoint-name", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"endpoint-type", Text, "runtime: src/runtime/virtcontainers/network_linux.go"},
	{"endpoints", Text, "runtime: src/runtime/virtcontainers/network_linux.go"}, // a count in one place, a list in another
	{"errno", Text, "runtime: src/runtime/cli/kata-check_amd64.go"},             // its text in logfmt
	{"Error", Text, "runtime: src/runtime/virtcontainers/pkg/agent/protocols/client/client.go"},
	{"exec", Text, "runtime: src/runtime/pkg/containerd-shim-v2/start.go"},
	{"exec_id", Text, "runtime-rs: src/runtime-rs/crates/runtimes/virt_container/src/container_manager/mod.rs"},
	{"ExecID", Text, "runtime: src/runtime/containerd-shim-v2/service.go"},
	{"existing-interfaces", Text, "runtime: src/runtime/cli/network.go"},
	{"factory", Text, "runtime: src/runtime/cmd/kata-runtime/factory.go"},
	{"fcInit failed:", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"fields.level", Text, fromLogrus},
	{"fields.msg", Text, fromLogrus},
	{"fields.time", Text, fromLogrus},
	{"fifoName", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"func", Text, fromLogrus},
	{"git-commit", Text, "kata-monitor: src/runtime/cmd/kata-monitor/main.go"},
	{"guest-numa", Text, "runtime: src/runtime/virtcontainers/qemu.go"}, // a number or none
	{"guest-pci-path", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"guest_pci_path", Text, "runtime-rs: src/runtime-rs/crates/resource/src/manager_inner.rs"},
	{"host-bdf", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"host-cpus", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"host_bdf", Text, "runtime-rs: src/dragonball/src/device_manager/vfio_dev_mgr/mod.rs"},
	{"hot-plug-vfio", Text, "runtime: src/runtime/virtcontainers/qemu.go"}, // a bool or a word
	{"hypervisor args", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"hypervisor cmd", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"hypervisor.conf", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"hypervisor.version", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"ID", Text, "runtime: src/runtime/containerd-shim-v2/service.go"},
	{"id", Text, "runtime, runtime-rs, kata-monitor: src/runtime/cmd/kata-runtime/kata-check.go"},
	{"interface", Text, "runtime, kata-netmon: src/runtime/virtcontainers/network_linux.go"},
	{"interface-requested", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"JailerRoot", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"logrus_error", Text, fromLogrus},
	{"machine", Text, "runtime: src/runtime/virtcontainers/qemu_amd64.go"},
	{"machine-type", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"namespace", Text, "containerd, CRI-O"},
	{"netmon-signal", Text, "runtime: src/runtime/virtcontainers/netmon.go"},
	{"netns", Text, "runtime: src/runtime/pkg/katautils/create.go"},
	{"numa-nodes", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"ociSpec Hugepage Resources", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"other", Text, "kata-proxy: proxy.go"},
	{"Pagesize", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"parameter", Text, "runtime: src/runtime/cmd/kata-runtime/kata-check.go"},
	{"pod", Text, "runtime, kata-monitor: src/runtime/pkg/containerd-shim-v2/device_cold_plug.go"},
	{"pod info", Text, "kata-monitor: src/runtime/pkg/kata-monitor/cri.go"},
	{"podsandboxid", Text, "containerd"},
	{"process", Text, "runtime-rs: src/runtime-rs/crates/runtimes/virt_container/src/container_manager/container.rs"},
	{"process-id", Text, "runtime: src/runtime/virtcontainers/container.go"},
	{"proxy type", Text, "runtime: src/runtime/virtcontainers/vm.go"},
	{"proxy-url", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"qmp-capabilities", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"reconnect", Text, "runtime: src/runtime/pkg/device/drivers/vhost_user_blk.go"},
	{"resource", Text, "runtime: src/runtime/virtcontainers/fc.go"},
	{"response", Text, "runtime, agent-ctl: src/runtime/virtcontainers/pkg/agent/protocols/client/client.go"},
	{"resulting-interface", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"resulting-routes", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"routes", Text, "kata-netmon: src/runtime/cmd/netmon/netmon.go"},
	{"routes-requested", Text, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"sandbox-id", Text, "runtime 1.x: virtcontainers/container.go"},
	{"sandbox:", Text, "runtime-rs: src/runtime-rs/crates/runtimes/virt_container/src/sandbox.rs"},
	{"sandbox_id", Text, "runtime, kata-monitor: src/runtime/pkg/containerd-shim-v2/create.go"},
	{"sandboxID", Text, "CRI-O"},
	{"sandboxid", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"sandox-id", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"seqnum", Text, "no place found in the sources"},
	{"shim-signal", Text, "runtime: src/runtime/virtcontainers/shim.go"},
	{"socket permissions", Text, "kata-proxy: proxy.go"},
	{"start", Text, "runtime: src/runtime/virtcontainers/device/manager/utils.go"}, // a number or its hex text
	{"state", Text, "runtime, runtime-rs: src/runtime/virtcontainers/api.go"},
	{"steam id", Text, "runtime-rs: src/runtime-rs/crates/service/src/task_service.rs"},
	{"stream", Text, "runtime-rs: src/runtime-rs/crates/hypervisor/src/ch/inner_hypervisor.rs"},
	{"stream id", Text, "runtime-rs: src/runtime-rs/crates/service/src/sandbox_service.rs"},
	{"topic", Text, "runtime: src/runtime/pkg/containerd-shim-v2/event_forwarder.go"},
	{"Type", Text, "runtime: src/runtime/pkg/device/drivers/vhost_user_blk.go"},
	{"value", Text, "runtime: src/runtime/cmd/kata-runtime/kata-check.go"},
	{"vfio device BDF", Text, "runtime 1.x: virtcontainers/sandbox.go"},
	{"vfio device ID", Text, "runtime 1.x: virtcontainers/sandbox.go"},
	{"vfio-device-BDF", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"vfio-device-ID", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"vm", Text, "runtime: src/runtime/virtcontainers/vm.go"},
	{"vm id", Text, "runtime 1.x: virtcontainers/vm.go"},
	{"vm path", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"volume", Text, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"volume-path", Text, "runtime: src/runtime/pkg/containerd-shim-v2/shim_management.go"},
	{"volume-type", Text, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"vsock-cid", Text, "trace-forwarder: src/tools/trace-forwarder/src/server.rs"},

	// Whole numbers.
	{"attempt", Integer, "runtime: src/runtime/pkg/utils/utils.go"},
	{"availSpaceInBytes", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"bus-nr", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"channel-size", Integer, "runtime: src/runtime/virtcontainers/monitor.go"},
	{"child-pid", Integer, "agent: src/agent/src/signal.rs"},
	{"count", Integer, "agent, runtime, kata-monitor, slog-async: src/runtime/virtcontainers/pkg/agent/protocols/client/client.go"},
	{"covered-cpus", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"covered-mem-mb", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"cpu", Integer, "agent v1: cgroup.go"},
	{"cpus-sandbox", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"}, // a fraction since Kata 3.3
	{"data_block_size", Integer, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"data_blocks", Integer, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"dax_window_size", Integer, "runtime-rs: src/dragonball/src/device_manager/fs_dev_mgr.rs"},
	{"default mem", Integer, "runtime: src/runtime/pkg/oci/utils.go"},
	{"device-major", Integer, "agent v1, runtime: device.go"},
	{"device-minor", Integer, "agent v1, runtime: device.go"},
	{"events", Integer, "agent v1: channel.go"},
	{"exit-code", Integer, "runtime: src/runtime/pkg/containerd-shim-v2/wait.go"},
	{"exitcode", Integer, "kata-shim: main.go"},
	{"expected-size", Integer, "agent v1: grpc.go"},
	{"fd", Integer, "kata-shim: shim.go"},
	{"fs-group", Integer, "agent: src/agent/src/storage/mod.rs"},
	{"gb-size", Integer, "runtime: src/runtime/virtcontainers/device/manager/utils.go"},
	{"gid", Integer, "runtime: src/runtime/pkg/containerd-shim-v2/create.go"},
	{"guest-device-major", Integer, "agent v1: device.go"},
	{"guest-device-minor", Integer, "agent v1: device.go"},
	{"guest_major", Integer, "agent: src/agent/src/device/mod.rs"},
	{"guest_minor", Integer, "agent: src/agent/src/device/mod.rs"},
	{"guestMemorySizeInBytes", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"hash_block_size", Integer, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"hash_start_block", Integer, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"hash_type", Integer, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"have", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"host-device-major", Integer, "agent v1: device.go"},
	{"host-device-minor", Integer, "agent v1: device.go"},
	{"host-numa", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"host_major", Integer, "agent: src/agent/src/device/mod.rs"},
	{"host_minor", Integer, "agent: src/agent/src/device/mod.rs"},
	{"hotplug-memory-mb", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"Index", Integer, "runtime: src/runtime/pkg/device/drivers/vhost_user_blk.go"},
	{"index", Integer, "runtime: src/runtime/virtcontainers/acrn_arch_base.go"},
	{"input-nodes", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"invalid-nydusd-pid", Integer, "runtime: src/runtime/virtcontainers/nydusd.go"},
	{"invalid-virtiofsd-pid", Integer, "runtime: src/runtime/virtcontainers/virtiofsd.go"},
	{"iova", Integer, "runtime-rs: src/dragonball/src/device_manager/vfio_dev_mgr/mod.rs"},
	{"layer-count", Integer, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"Limit", Integer, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"major", Integer, "runtime: src/runtime/pkg/device/config/pmem.go"},
	{"mem", Integer, "runtime: src/runtime/virtcontainers/fc.go"},
	{"mem-mb", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"memory", Integer, "runtime: src/runtime/virtcontainers/clh.go"},
	{"memory limit", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"memory-sandbox-size-byte", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"memory-sandbox-size-mb", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"minor", Integer, "runtime: src/runtime/pkg/device/config/pmem.go"},
	{"mkdir-dirs-count", Integer, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"mount-flags", Integer, "agent v1: mount.go"},
	{"netmon-pid", Integer, "runtime: src/runtime/virtcontainers/netmon.go"},
	{"new-vcpus", Integer, "runtime 1.x: virtcontainers/container.go"},
	{"numa-node", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"old-vcpus", Integer, "runtime 1.x: virtcontainers/container.go"},
	{"partition-number", Integer, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"pcie-root-port", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"PID", Integer, "runtime, CRI-O: src/runtime/virtcontainers/clh.go"},
	{"port", Integer, "agent, runtime: src/agent/vsock-exporter/src/lib.rs"}, // a word (root-port) in the runtime
	{"proxy", Integer, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"proxy-pid", Integer, "runtime: src/runtime/virtcontainers/kata_agent.go"},
	{"qemuPid", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"qmp-major-version", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"qmp-micro-version", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"qmp-minor-version", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"read-bytes", Integer, "runtime: src/runtime/pkg/device/config/pmem.go"},
	{"ReconnectTime", Integer, "runtime: src/runtime/pkg/device/drivers/vhost_user_blk.go"},
	{"region", Integer, "runtime: src/runtime/virtcontainers/device/manager/utils.go"},
	{"requested-mem-mb", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"requested-vcpus", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"ret", Integer, "runtime: src/runtime/cli/kata-check_amd64.go"},
	{"sandbox_count", Integer, "kata-monitor: src/runtime/pkg/kata-monitor/metrics.go"},
	{"sandboxes count", Integer, "kata-monitor: src/runtime/pkg/kata-monitor/metrics.go"},
	{"sandboxMemoryByte", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"sandboxSwapByte", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"selected-nodes", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"shim-pid", Integer, "runtime: src/runtime/virtcontainers/shim.go"},
	{"shm-size", Integer, "runtime: src/runtime/virtcontainers/kata_agent.go"}, // size=N in one place
	{"size", Integer, "agent v1, runtime, runtime-rs: grpc.go"},
	{"smallest-node-cpus", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"smallest-node-memMB", Integer, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"status", Integer, "agent v1: reaper.go"},
	{"StratoVirt Pid", Integer, "runtime: src/runtime/virtcontainers/stratovirt.go"},
	{"timeout", Integer, "agent v1, runtime: agent.go"}, // a duration in agent v1
	{"tmp-file-size", Integer, "agent v1: grpc.go"},
	{"uevent-seqnum", Integer, "agent v1: agent.go"},
	{"uid", Integer, "runtime: src/runtime/pkg/containerd-shim-v2/create.go"},
	{"user_addr", Integer, "runtime-rs: src/dragonball/src/device_manager/vfio_dev_mgr/mod.rs"},
	{"vcpus", Integer, "runtime: src/runtime/virtcontainers/fc.go"},
	{"vcpus-to-connect", Integer, "agent v1: grpc.go"},
	{"vsock-port", Integer, "trace-forwarder: src/tools/trace-forwarder/src/server.rs"},
	{"want", Integer, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"window-height", Integer, "kata-shim: shim.go"},
	{"window-width", Integer, "kata-shim: shim.go"},
	{"workload mem in MB", Integer, "runtime: src/runtime/pkg/oci/utils.go"},

	// Numbers with a fraction.
	{"default cpu", Float, "runtime: src/runtime/pkg/oci/utils.go"},
	{"remaining-time-secs", Float, "runtime 1.x: virtcontainers/hyperstart_agent.go"},
	{"workload cpu", Float, "runtime: src/runtime/pkg/oci/utils.go"},

	// Yes and no.
	{"all", Bool, "agent: src/agent/src/rpc.rs"},
	{"cold-plug", Bool, "runtime: src/runtime/pkg/device/drivers/vfio.go"}, // words in some versions
	{"debug", Bool, "kata-proxy, kata-shim, kata-netmon: proxy.go"},
	{"debug_console", Bool, "agent v1: agent.go"},
	{"default-signal-logger", Bool, "runtime: src/runtime/pkg/signals/signals.go"},
	{"dmverity-enabled", Bool, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"dump-only", Bool, "trace-forwarder: src/tools/trace-forwarder/src/main.rs"},
	{"gpt-mode", Bool, "agent: src/agent/src/storage/multi_layer_erofs.rs"},
	{"hasCRIContainerType", Bool, "runtime 1.x: virtcontainers/sandbox.go"},
	{"hotplug", Bool, "runtime: src/runtime/virtcontainers/network_linux.go"}, // cpu, memory in qemu.go
	{"hotplug-vfio-on-root-bus", Bool, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"hotunplug", Bool, "runtime 1.x: virtcontainers/default_network.go"},
	{"htEnabled", Bool, "runtime: src/runtime/virtcontainers/fc.go"},
	{"inside-vm", Bool, "runtime: src/runtime/virtcontainers/qemu.go"},
	{"ipv6", Bool, "runtime: src/runtime/pkg/containerd-shim-v2/shim_management.go"},
	{"is kata", Bool, "kata-monitor: src/runtime/pkg/kata-monitor/cri.go"},
	{"large-bar-space", Bool, "runtime: src/runtime/virtcontainers/device/manager/utils.go"},
	{"linux_device_cgroup", Bool, "agent: src/agent/src/device/mod.rs"},
	{"no_superblock", Bool, "agent: src/libs/kata-types/src/dmverity.rs"},
	{"notified", Bool, "containerd"},
	{"proxy-exit-code", Bool, "kata-shim: main.go"},
	{"readonly", Bool, "runtime-rs: src/dragonball/src/device_manager/vfio_dev_mgr/mod.rs"},
	{"result", Bool, "kata-monitor: src/runtime/pkg/kata-monitor/containerd.go"},
	{"rollback", Bool, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"sandboxneedPodSwap", Bool, "runtime: src/runtime/virtcontainers/sandbox.go"},
	{"smtEnabled", Bool, "runtime: src/runtime/virtcontainers/fc.go"},
	{"terminal", Bool, "kata-shim: main.go"},
	{"tracing", Bool, "kata-shim: main.go"},
	{"was reset", Bool, "kata-monitor: src/runtime/pkg/kata-monitor/monitor.go"},
}

// reservedKeys are what a guest never sets, beside the keys of the record that
// encloses its text: what the host knows, and what this plugin writes. They are
// compared as appendSquashed leaves them.
var reservedKeys = []string{
	"sandbox", "sandboxid", "sandbox_id", "sandboxID", "ID", "console-url", "console-protocol", "exec-id", "time",
	"guest", "duplicate", "parse_error", "unparsed", "console_noise", "detected_level",
	"agent_pid", "agent_time", "agent_fields", "agent_source",
	"pod_name", "pod_namespace", "pod_uid", "container_name",
}

// Keys that hold a sandbox's or a container's id, beside sandbox and container, in the
// order in which they count.
var (
	sandboxIDKeys   = []string{"ID", "sandboxid", "sandbox_id", "sandboxID", "sandbox-id", "sandox-id", "podsandboxid"}
	containerIDKeys = []string{"container-id", "container_id", "containerID", "Container"}
)
