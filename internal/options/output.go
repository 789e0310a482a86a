package options

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Output is what the options say that only the output has. The zero value is not useful; see
// Default.
type Output struct {
	Parse bool // transform the records before they are delivered
	Tune  bool // set workers and retry_limit of the instance

	File string   // deliver to a file of JSON lines; empty for none
	URLs []string // deliver to Elasticsearch or OpenSearch; none for standard output

	Index      string // name of the index, with conversions of strftime, or of the data stream
	DataStream bool
	Pipeline   string
	Routing    string

	User            string // name and password of HTTP basic authentication
	Password        Secret
	APIKey          Secret
	BearerTokenFile string

	CAFile, CertFile, KeyFile string
	TLSVerify                 bool
	ServerName                string

	Gzip        bool
	Timeout     time.Duration // of one request
	BulkSize    int           // bytes of a request's body before compression
	BulkRecords int           // records of one request

	GiveUp          time.Duration // after which records that are refused for now go to the dead letter; 0 for never
	DeadLetter      DeadLetter
	DeadLetterIndex string
	DeadLetterFile  string

	Setup     Setup
	Shards    int
	Replicas  int
	Retention time.Duration // after which setup full has records deleted; 0 for never
}

// DeadLetter is where records go that the server refuses for good.
type DeadLetter uint8

const (
	DeadLetterIndex DeadLetter = iota
	DeadLetterFile
	DeadLetterOff // counted and logged
)

// Setup is what is created on the server.
type Setup uint8

const (
	SetupOff Setup = iota
	SetupTemplate
	SetupFull // with a lifecycle policy, shards and replicas
)

// Secret is a text that must not be printed.
type Secret string

func (Secret) String() string   { return "(hidden)" }
func (Secret) GoString() string { return "(hidden)" }

// dataStream is the name of the data stream if index is not set.
const dataStream = "logs-kata-default"

// outputTable lists the options that only the output has.
var outputTable = []Option{
	{
		Name: "parse", Kind: Bool, Default: "on", Only: OutputPlugin,
		Help: "Parse the records; off delivers them as they come, for records that an input, filter or processor kata has parsed before.",
		set:  func(o *Options, v value) error { o.Output.Parse = v.on; return nil },
	},
	{
		Name: "tune", Kind: Bool, Default: "on", Only: OutputPlugin,
		Help: "Set retry_limit no_limits, and workers 2 (1 without url), for this instance, whatever the configuration says; off leaves both alone.",
		set:  func(o *Options, v value) error { o.Output.Tune = v.on; return nil },
	},
	{
		Name: "file", Kind: String, Only: OutputPlugin,
		Help: "Append JSON lines to this file, and open it again when it has been moved away, instead of printing them.",
		set:  func(o *Options, v value) error { o.Output.File = v.text; return nil },
	},
	{
		Name: "url", Kind: List, Only: OutputPlugin,
		Help: "Servers of one Elasticsearch or OpenSearch cluster, as http://HOST:PORT or https://HOST:PORT; records go to each in turn, and to the others while one is down.",
		set:  func(o *Options, v value) error { o.Output.URLs = v.list; return nil },
	},
	{
		Name: "index", Kind: String, Default: "kata-%Y.%m.%d", Only: OutputPlugin,
		Help: "Index, with strftime conversions of the event's time in UTC; with data_stream on the stream's name (logs-kata-default if it is not set).",
		set:  func(o *Options, v value) error { o.Output.Index = v.text; return nil },
	},
	{
		Name: "data_stream", Kind: Bool, Default: "off", Only: OutputPlugin,
		Help: "Write to a data stream instead of to indices.",
		set:  func(o *Options, v value) error { o.Output.DataStream = v.on; return nil },
	},
	{
		Name: "pipeline", Kind: String, Only: OutputPlugin,
		Help: "Ingest pipeline of the server that the records go through.",
		set:  func(o *Options, v value) error { o.Output.Pipeline = v.text; return nil },
	},
	{
		Name: "routing", Kind: String, Only: OutputPlugin,
		Help: "Routing value of all records.",
		set:  func(o *Options, v value) error { o.Output.Routing = v.text; return nil },
	},
	{
		Name: "http_user", Kind: String, Only: OutputPlugin,
		Help: "User for HTTP basic authentication.",
		set:  func(o *Options, v value) error { o.Output.User = v.text; return nil },
	},
	{
		Name: "http_passwd", Kind: String, Only: OutputPlugin,
		Help: "Password of http_user.",
		set:  func(o *Options, v value) error { o.Output.Password = Secret(v.text); return nil },
	},
	{
		Name: "api_key", Kind: String, Only: OutputPlugin,
		Help: "API key, as the server gives it in the field encoded.",
		set:  func(o *Options, v value) error { o.Output.APIKey = Secret(v.text); return nil },
	},
	{
		Name: "bearer_token_file", Kind: String, Only: OutputPlugin,
		Help: "File with a bearer token; it is read again when it has changed.",
		set:  func(o *Options, v value) error { o.Output.BearerTokenFile = v.text; return nil },
	},
	{
		Name: "ca_file", Kind: String, Only: OutputPlugin,
		Help: "File with the certificates of authorities (PEM) that the server's is checked with, instead of the system's.",
		set:  func(o *Options, v value) error { o.Output.CAFile = v.text; return nil },
	},
	{
		Name: "crt_file", Kind: String, Only: OutputPlugin,
		Help: "File with the client's certificate (PEM); it needs key_file.",
		set:  func(o *Options, v value) error { o.Output.CertFile = v.text; return nil },
	},
	{
		Name: "key_file", Kind: String, Only: OutputPlugin,
		Help: "File with the private key of crt_file (PEM).",
		set:  func(o *Options, v value) error { o.Output.KeyFile = v.text; return nil },
	},
	{
		Name: "tls_verify", Kind: Bool, Default: "on", Only: OutputPlugin,
		Help: "Check the server's certificate.",
		set:  func(o *Options, v value) error { o.Output.TLSVerify = v.on; return nil },
	},
	{
		Name: "server_name", Kind: String, Only: OutputPlugin,
		Help: "Name that the server's certificate must have, if it is another than in url.",
		set:  func(o *Options, v value) error { o.Output.ServerName = v.text; return nil },
	},
	{
		Name: "compress", Kind: Enum, Default: "gzip", Allowed: []string{"none", "gzip"}, Only: OutputPlugin,
		Help: "Compression of requests.",
		set:  func(o *Options, v value) error { o.Output.Gzip = v.num == 1; return nil },
	},
	{
		Name: "timeout", Kind: Time, Default: "10s", Only: OutputPlugin,
		Help: "How long to wait for the response to a request.",
		set: func(o *Options, v value) error {
			if v.time < time.Second {
				return errors.New("at least 1s is needed")
			}
			o.Output.Timeout = v.time
			return nil
		},
	},
	{
		Name: "bulk_size", Kind: Size, Default: "5M", Min: 1 << 10, Max: 90 << 20, Only: OutputPlugin,
		Help: "Size of one request, before compression; a longer record is sent alone.",
		set:  func(o *Options, v value) error { o.Output.BulkSize = v.num; return nil },
	},
	{
		Name: "bulk_records", Kind: Int, Default: "5000", Min: 1, Max: 100000, Only: OutputPlugin,
		Help: "Records of one request, at most.",
		set:  func(o *Options, v value) error { o.Output.BulkRecords = v.num; return nil },
	},
	{
		Name: "give_up", Kind: String, Default: "never", Only: OutputPlugin,
		Help: "Time after which records that the server refuses for now, or cannot take, go to the dead letter; never keeps trying.",
		set: func(o *Options, v value) (err error) {
			o.Output.GiveUp, err = duration(v.text)
			return err
		},
	},
	{
		Name: "dead_letter", Kind: Enum, Default: "index", Allowed: []string{DeadLetterIndex: "index", DeadLetterFile: "file", DeadLetterOff: "off"}, Only: OutputPlugin,
		Help: "Where records go that the server refuses for good, with its reason; off counts and logs them only, and they are lost.",
		set:  func(o *Options, v value) error { o.Output.DeadLetter = DeadLetter(v.num); return nil },
	},
	{
		Name: "dead_letter_index", Kind: String, Default: "kata-dead-letter", Only: OutputPlugin,
		Help: "Index of the dead letter.",
		set:  func(o *Options, v value) error { o.Output.DeadLetterIndex = v.text; return nil },
	},
	{
		Name: "dead_letter_file", Kind: String, Only: OutputPlugin,
		Help: "File of the dead letter, JSON lines; dead_letter file needs it.",
		set:  func(o *Options, v value) error { o.Output.DeadLetterFile = v.text; return nil },
	},
	{
		Name: "setup", Kind: Enum, Default: "template", Allowed: []string{SetupOff: "off", SetupTemplate: "template", SetupFull: "full"}, Only: OutputPlugin,
		Help: "What to create on the server: nothing, index templates, or also a lifecycle policy with the three options below.",
		set:  func(o *Options, v value) error { o.Output.Setup = Setup(v.num); return nil },
	},
	{
		Name: "shards", Kind: Int, Default: "1", Min: 1, Max: 1024, Only: OutputPlugin,
		Help: "With setup full: shards of a new index.",
		set:  func(o *Options, v value) error { o.Output.Shards = v.num; return nil },
	},
	{
		Name: "replicas", Kind: Int, Default: "1", Min: 0, Max: 100, Only: OutputPlugin,
		Help: "With setup full: copies of each shard.",
		set:  func(o *Options, v value) error { o.Output.Replicas = v.num; return nil },
	},
	{
		Name: "retention", Kind: String, Default: "30d", Only: OutputPlugin,
		Help: "With setup full: age at which an index is deleted, such as 30d; never keeps all.",
		set: func(o *Options, v value) (err error) {
			o.Output.Retention, err = duration(v.text)
			if err == nil && o.Output.Retention%time.Hour != 0 {
				err = errors.New("whole hours or days are needed")
			}
			return err
		},
	},
}

// check returns an error if options of the output contradict each other. isSet reports
// whether an option was set.
func (o *Output) check(isSet func(name string) bool) error {
	var errs []error
	if o.File != "" && len(o.URLs) > 0 {
		errs = append(errs, errors.New("file: url is set too, and records go to one of them only"))
	}
	if len(o.URLs) == 0 {
		return errors.Join(errs...)
	}
	var kinds []string
	for _, name := range []string{"http_user", "api_key", "bearer_token_file"} {
		if isSet(name) {
			kinds = append(kinds, name)
		}
	}
	if len(kinds) > 1 {
		errs = append(errs, fmt.Errorf("%s: only one of them can be set", strings.Join(kinds, ", ")))
	}
	if o.Password != "" && o.User == "" {
		errs = append(errs, errors.New("http_passwd: http_user is not set"))
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		errs = append(errs, errors.New("crt_file, key_file: one needs the other"))
	}
	if o.DeadLetter == DeadLetterFile && o.DeadLetterFile == "" {
		errs = append(errs, errors.New("dead_letter_file: dead_letter file needs it"))
	}
	if o.DataStream && !isSet("index") {
		o.Index = dataStream
	}
	if err := checkIndex(o.Index, !o.DataStream); err != nil {
		errs = append(errs, fmt.Errorf("index: %w", err))
	}
	if err := checkIndex(o.DeadLetterIndex, false); err != nil {
		errs = append(errs, fmt.Errorf("dead_letter_index: %w", err))
	}
	return errors.Join(errs...)
}

// IndexConversions are the conversions of strftime that index may have.
const IndexConversions = "YmdHjGVy%"

// checkIndex checks the name of an index. A server refuses a whole request with a bad one.
func checkIndex(name string, conversions bool) error {
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			return fmt.Errorf("%q has a capital letter", name)
		case c == '%' && !conversions:
			return fmt.Errorf("%q must not depend on the time", name)
		case c == '%':
			if i++; i == len(name) || strings.IndexByte(IndexConversions, name[i]) < 0 {
				return fmt.Errorf("%q: only %%%s are known", name, strings.Join(strings.Split(IndexConversions, ""), " %"))
			}
		case c <= ' ' || c == 0x7f || strings.IndexByte(`\/*?"<>|,#:`, c) >= 0:
			return fmt.Errorf("%q has a character that a name of an index must not have", name)
		}
	}
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%q is no name of an index", name)
	case strings.IndexByte("-_+", name[0]) >= 0:
		return fmt.Errorf("%q starts with %c", name, name[0])
	case len(name) > 200:
		return fmt.Errorf("%q is longer than 200 bytes", name)
	}
	return nil
}

// duration parses a time as Fluent Bit writes them, or never, which is 0.
func duration(text string) (time.Duration, error) {
	if strings.EqualFold(text, "never") {
		return 0, nil
	}
	d, ok := fluentBitTime(text)
	if !ok || d == 0 {
		return 0, fmt.Errorf("%q is neither never nor a time (such as 90s, 10m, 24h, 30d)", text)
	}
	return d, nil
}

// fluentBitTime parses a whole number with one of Fluent Bit's suffixes of times, s, m, h
// and d; without one it is seconds.
func fluentBitTime(text string) (time.Duration, bool) {
	unit := time.Second
	if text != "" {
		switch text[len(text)-1] | 0x20 {
		case 's':
			text = text[:len(text)-1]
		case 'm':
			text, unit = text[:len(text)-1], time.Minute
		case 'h':
			text, unit = text[:len(text)-1], time.Hour
		case 'd':
			text, unit = text[:len(text)-1], 24*time.Hour
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 100*365*24*3600/int(unit/time.Second) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}
