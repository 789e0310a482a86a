package options

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Table lists every option, in the order in which help and documents show them: those of all
// plugins, then those that only the output or the input has.
var Table = slices.Concat(commonTable, outputTable, inputTable)

var commonTable = []Option{
	{
		Name: "key_name", Kind: List, Default: "MESSAGE,message,log",
		Help: "Keys of the record that may hold the message; the first one that is there is taken.",
		set: func(o *Options, v value) error {
			if len(v.list) == 0 {
				return errors.New("at least one key is needed")
			}
			o.KeyName = v.list
			return nil
		},
	},
	{
		Name: "format", Kind: Enum, Default: "auto",
		Allowed: []string{parser.Auto: "auto", parser.OnlyLogfmt: "logfmt", parser.OnlyJSON: "json", parser.OnlyNative: "native"},
		Help:    "Encoding of the message: auto recognises it per record; logfmt and json take it as given, whoever wrote it.",
		set:     func(o *Options, v value) error { o.Parser.Format = parser.Format(v.num); return nil },
	},
	{
		Name: "prefix", Kind: String, Default: "kata_",
		Help: "Put before the name of every field that this plugin adds; may be empty.",
		set:  func(o *Options, v value) error { o.Prefix = v.text; return nil },
	},
	{
		Name: "nest_under", Kind: String, Default: "",
		Help: "Put the parsed fields into one map under this key instead of beside the record's own fields.",
		set:  func(o *Options, v value) error { o.NestUnder = v.text; return nil },
	},
	{
		Name: "reserve_data", Kind: Bool, Default: "on",
		Help: "Keep the record's own fields; off leaves only the parsed ones (a record that was not parsed stays whole).",
		set:  func(o *Options, v value) error { o.ReserveData = v.on; return nil },
	},
	{
		Name: "preserve_key", Kind: Bool, Default: "on",
		Help: "Keep the message itself; off removes it from records that were parsed without an error.",
		set:  func(o *Options, v value) error { o.PreserveKey = v.on; return nil },
	},
	{
		Name: "use_message_time", Kind: Bool, Default: "on",
		Help: "Give the event the time that the message names; off leaves the event its own and keeps the text in the field time.",
		set:  func(o *Options, v value) error { o.Parser.NoTime = !v.on; return nil },
	},
	{
		Name: "time_keep", Kind: Bool, Default: "off",
		Help: "Keep the message's time as a field too when it has become the event's time.",
		set:  func(o *Options, v value) error { o.Parser.KeepTime = v.on; return nil },
	},
	{
		Name: "types", Kind: String, Default: "kata",
		Help: "Types of values: kata (the built-in table), string (all text), or key:type pairs, comma separated, on top of kata; types are integer, float, bool, string.",
		set: func(o *Options, v value) (err error) {
			o.Parser.Types, err = parseTypes(v.text)
			return err
		},
	},
	{
		Name: "unpack_agent", Kind: Bool, Default: "on",
		Help: "Unpack what the guest wrote (agent records, console text) from the line that carries it.",
		set:  func(o *Options, v value) error { o.Parser.NoUnpack = !v.on; return nil },
	},
	{
		Name: "native_fields", Kind: Bool, Default: "on",
		Help: "Read the journal fields of the Rust runtime (NAME, SUBSYSTEM and the call's own keys) into parsed fields.",
		set:  func(o *Options, v value) error { o.Parser.NoNative = !v.on; return nil },
	},
	{
		Name: "nested", Kind: Enum, Default: "stringify",
		Allowed: []string{parser.Stringify: "stringify", parser.KeepNested: "keep", parser.DropNested: "drop"},
		Help:    "What becomes of JSON objects and arrays: one string of compact JSON, maps and arrays, or nothing.",
		set:     func(o *Options, v value) error { o.Parser.Nested = parser.NestedMode(v.num); return nil },
	},
	{
		Name: "remove_keys", Kind: List, Default: "",
		Help: "Leave out the message's keys that match one of these patterns (* and ?).",
		set:  func(o *Options, v value) error { o.RemoveKeys = v.list; return nil },
	},
	{
		Name: "only_keys", Kind: List, Default: "",
		Help: "Take only the message's keys that match one of these patterns (* and ?).",
		set:  func(o *Options, v value) error { o.OnlyKeys = v.list; return nil },
	},
	{
		Name: "remove_journal_keys", Kind: List, Default: "",
		Help: "Leave out the record's own keys that match one of these patterns (* and ?), from records that were parsed.",
		set:  func(o *Options, v value) error { o.RemoveJournalKeys = v.list; return nil },
	},
	{
		Name: "min_level", Kind: Enum, Default: "",
		Allowed: append([]string{""}, parser.Levels[:]...),
		Help:    "Drop records below this level; a record without a level, or with an unknown one, always stays.",
		set:     func(o *Options, v value) error { o.MinLevel = v.num - 1; return nil },
	},
	{
		Name: "duplicates", Kind: Enum, Default: "keep",
		Allowed: []string{KeepDuplicates: "keep", MarkDuplicates: "mark", DropDuplicates: "drop"},
		Help:    "What becomes of the second copy of a shim's line (containerd's journal entry and the shim's own) seen within 2 seconds.",
		set:     func(o *Options, v value) error { o.Duplicates = Duplicates(v.num); return nil },
	},
	{
		Name: "max_message_size", Kind: Size, Default: size(parser.DefaultMaxMessage), Min: 256, Max: 1 << 30,
		Help: "Parse at most this much of a message; of a longer one the rest is left out, and kata_parse_error is too_large.",
		set:  func(o *Options, v value) error { o.Parser.MaxMessage = v.num; return nil },
	},
	{
		Name: "max_fields", Kind: Int, Default: strconv.Itoa(parser.DefaultMaxFields), Min: 8, Max: parser.HighestMaxFields,
		Help: "Take at most this many fields from a message; of one with more the others are left out, and kata_parse_error is too_many_fields.",
		set:  func(o *Options, v value) error { o.Parser.MaxFields = v.num; return nil },
	},
	{
		Name: "max_depth", Kind: Int, Default: strconv.Itoa(parser.DefaultMaxDepth), Min: 1, Max: 512,
		Help: "Follow nested JSON at most this deep; a deeper value is left out, and kata_parse_error is too_deep.",
		set:  func(o *Options, v value) error { o.Parser.MaxDepth = v.num; return nil },
	},
	{
		Name: "sandbox_metadata", Kind: Bool, Default: "off",
		Help: "Add the pod to records that name a sandbox or container, from the files of the node.",
		set:  func(o *Options, v value) error { o.SandboxMetadata = v.on; return nil },
	},
	{
		Name: "sandbox_metadata_roots", Kind: List,
		Default: "/run/containerd,/run/k3s/containerd,/run/k0s/containerd,/var/snap/microk8s/common/run/containerd,/run/containers/storage,/var/lib/containers/storage,/var/log/containers",
		Help:    "Folders where pods are looked for: the state of containerd, the storage of CRI-O, the kubelet's links to logs; those that are there.",
		set: func(o *Options, v value) error {
			for _, root := range v.list {
				if !filepath.IsAbs(root) {
					return fmt.Errorf("%q is not an absolute path", root)
				}
			}
			o.SandboxMetadataRoots = v.list
			return nil
		},
	},
	{
		Name: "sandbox_metadata_key", Kind: String, Default: "kubernetes",
		Help: "Key of the map with the pod; if empty, the pod is in the fields pod_name, pod_namespace, pod_uid and container_name, with the prefix.",
		set: func(o *Options, v value) error {
			if o.SandboxMetadata && v.text != "" && v.text == o.NestUnder {
				return fmt.Errorf("%q is also nest_under", v.text)
			}
			o.SandboxMetadataKey = v.text
			return nil
		},
	},
}
