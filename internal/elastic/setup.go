package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/limit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
)

// setup makes on the server what an instance needs, once, before the first records are sent:
// an index that is made without the template keeps its types. While the server gives no
// response to that, or one that tells nothing of it, records wait, but not for ever: there are
// proxies that only let bulk requests through. Where it refuses, they are sent all the same, and
// it is tried again: before each round until the server has taken records, now and then after that.
type setup struct {
	options *options.Options
	client  *client
	log     sink.Logger
	records func() uint64 // that the server has taken
	lines   limit.Lines

	mu       sync.Mutex
	done     bool
	trying   bool          // now, without the mutex
	aside    bool          // of the attempt: from what servers do not respond to, nothing follows for records
	patience time.Duration // how long records wait
	reached  time.Time     // the first attempt in which there was a server
	taken    uint64        // records at the last attempt
	next     time.Time     // of the next attempt, once the server has taken more
}

const (
	setupInterval = time.Minute // between attempts while records are sent all the same
	setupPatience = 5 * time.Minute
	setupTimeout  = 10 * time.Second // of a request
)

func newSetup(o *options.Options, c *client, log sink.Logger, records func() uint64) (*setup, error) {
	s := &setup{options: o, client: c, log: log, records: records, done: o.Output.Setup == options.SetupOff, patience: setupPatience}
	if prefix, whole := indexPrefix(o.Output.Index); !s.done && !whole && strings.Trim(prefix, "-_.") == "" {
		return nil, fmt.Errorf("index: %q does not start with a text, so that a template would be for all indices; use setup off, or another name", o.Output.Index)
	}
	return s, nil
}

// before makes what is missing. It returns false if records are to wait for that, and may set
// resume then, as delivery.resume.
func (s *setup) before(ctx context.Context, resume *time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	records := s.records()
	without := records > s.taken // records are sent without it
	if s.done || s.trying || without && now.Before(s.next) {
		return true
	}
	s.taken = records
	s.aside = !s.reached.IsZero() && now.Sub(s.reached) >= s.patience
	attempt := s.run
	if without {
		attempt = s.runUnlocked
	}
	err := attempt(ctx)
	if err == nil {
		s.done = true
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	var paused errPaused
	if errors.As(err, &paused) {
		*resume = paused.until
		return without
	}
	var refused errRefused
	answered := errors.As(err, &refused)
	switch gone := noServer(err); {
	case gone && records == 0: // as if it began now
		s.reached = time.Time{}
	case !gone && s.reached.IsZero():
		s.reached = now
	}
	wait := noServer(err) || (!answered || refused.forNow()) && !s.aside
	s.next = time.Now().Add(setupInterval)
	if !answered && wait {
		return false // the client has logged why
	}
	what := "records are sent all the same"
	if wait {
		what = "records wait for it"
	}
	if refused.status == http.StatusUnauthorized {
		what = checkLogin + "; " + what
	}
	if held, due := s.lines.Due(now); due {
		s.log.Errorf("setup %s: %v; %s%s",
			[...]string{"off", "template", "full"}[s.options.Output.Setup], err, what, held)
	}
	return !wait
}

// runUnlocked is run without the mutex, so that others need not wait for it.
func (s *setup) runUnlocked(ctx context.Context) error {
	s.trying = true
	s.mu.Unlock()
	defer func() { // also after a panic
		s.mu.Lock()
		s.trying = false
	}()
	return s.run(ctx)
}

// noServer reports whether nothing could be connected to, be it the server or a proxy before it.
func noServer(err error) bool {
	for {
		var network *net.OpError
		if !errors.As(err, &network) {
			return false
		}
		if network.Op == "dial" || network.Op == "proxyconnect" {
			return true
		}
		err = network.Err
	}
}

// errRefused is a response of the server's that is an error.
type errRefused struct {
	what   string
	status int
	kind   string
}

// forNow reports whether the status tells nothing of what was asked: whoever gives it would
// refuse records, too.
func (e errRefused) forNow() bool {
	switch e.status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func (e errRefused) Error() string {
	text := fmt.Sprintf("%s: status %d", e.what, e.status)
	if e.kind != "" {
		text += " (" + e.kind + ")"
	}
	return text
}

// run makes what is missing. There is one attempt at a time.
func (s *setup) run(ctx context.Context) error {
	policy := ""
	var policyErr error
	if s.options.Output.Setup == options.SetupFull {
		policy, policyErr = s.makePolicy(ctx)
		if policyErr != nil && !errors.As(policyErr, new(errRefused)) {
			return policyErr
		}
	}
	for _, t := range templates(s.options, policy) {
		if err := s.makeTemplate(ctx, t); err != nil {
			err = fmt.Errorf("%w; without it the server guesses the types of fields", err)
			if policyErr != nil {
				err = fmt.Errorf("%w; %w", policyErr, err)
			}
			return err
		}
	}
	return policyErr
}

// request sends a request, and reads a successful response into to unless that is nil. It
// returns the status.
func (s *setup) request(ctx context.Context, method, path string, body object, to any) (status int, kind string, err error) {
	var b []byte
	if body != nil {
		if b, err = json.Marshal(body); err != nil {
			return 0, "", err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	ask := s.client.do
	if s.aside {
		ask = s.client.ask
	}
	r, err := ask(ctx, method, path, "application/json", b, true, false, nil)
	if err != nil {
		return 0, "", err
	}
	if r.status == http.StatusUnauthorized && !s.aside {
		s.client.taken(r.server, false, time.Now())
	}
	if r.status != http.StatusOK && r.status != http.StatusCreated {
		kind, _ = readFailure(r.body)
		return r.status, kind, nil
	}
	if to != nil {
		if err := json.Unmarshal(r.body, to); err != nil {
			return 0, "", errRefused{method + " " + path, r.status, "the response cannot be read"}
		}
	}
	return http.StatusOK, "", nil
}

// mark is what is in the _meta of what was made here.
type mark struct {
	ManagedBy string `json:"managed_by"`
	Version   int
	Digest    string
}

// stays reports whether what is on the server stays as it is, and logs why if it is not what
// would be made.
func (s *setup) stays(what string, m mark, body object) bool {
	switch {
	case m.ManagedBy != managedBy:
		s.log.Warnf("%s was not made by this plugin and stays as it is", what)
	case m.Version > templateVersion:
		s.log.Infof("%s is of a newer version of this plugin and stays as it is", what)
	case m.Version == templateVersion && m.Digest == digest(body):
	default:
		return false
	}
	return true
}

// makeTemplate makes or replaces an index template.
func (s *setup) makeTemplate(ctx context.Context, t made) error {
	path := "_index_template/" + url.PathEscape(t.name)
	what := "the index template " + t.name
	var found struct {
		IndexTemplates []struct {
			IndexTemplate struct {
				Meta mark `json:"_meta"`
			} `json:"index_template"`
		} `json:"index_templates"`
	}
	status, kind, err := s.request(ctx, http.MethodGet, path, nil, &found)
	switch {
	case err != nil:
		return err
	case status == http.StatusNotFound:
		path += "?create=true" // what somebody else makes in the meantime stays
	case status != http.StatusOK:
		return errRefused{what, status, kind}
	case len(found.IndexTemplates) != 1:
		return errRefused{what, status, "not found"}
	case s.stays(what, found.IndexTemplates[0].IndexTemplate.Meta, t.body):
		return nil
	}
	mark := meta(t.body)
	t.body["_meta"] = mark
	return s.put(ctx, what, path, t.body)
}

func (s *setup) put(ctx context.Context, what, path string, body object) error {
	status, kind, err := s.request(ctx, http.MethodPut, path, body, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return errRefused{what, status, kind}
	}
	s.log.Infof("%s was made", what)
	return nil
}

// makePolicy makes or replaces a lifecycle policy, of ILM or, if the server does not have
// that, of ISM. It returns the name to put into the templates, which is empty for ISM.
func (s *setup) makePolicy(ctx context.Context) (string, error) {
	out := &s.options.Output
	name := nameOf(out.Index)
	what := "the lifecycle policy " + name
	status, kind, err := s.makeILM(ctx, name, what)
	if err != nil {
		return "", err
	}
	if status == http.StatusOK {
		return name, nil
	}
	if status != http.StatusBadRequest && status != http.StatusMethodNotAllowed {
		return "", errRefused{what, status, kind}
	}
	// There is no such path.
	status, kind, err = s.makeISM(ctx, name, what)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", errRefused{what + ": neither ILM nor ISM takes it", status, kind}
	}
	return "", nil
}

func (s *setup) makeILM(ctx context.Context, name, what string) (status int, kind string, err error) {
	path := "_ilm/policy/" + url.PathEscape(name)
	body := ilmPolicy(&s.options.Output)
	var found map[string]struct {
		Policy struct {
			Meta mark `json:"_meta"`
		}
	}
	status, kind, err = s.request(ctx, http.MethodGet, path, nil, &found)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		return status, kind, err
	}
	if status == http.StatusOK && s.stays(what, found[name].Policy.Meta, body) {
		return http.StatusOK, "", nil
	}
	mark := meta(body)
	body["policy"].(object)["_meta"] = mark
	return http.StatusOK, "", s.put(ctx, what, path, body)
}

// makeISM does the same with ISM, which has no _meta: the mark is in the description. A
// policy is replaced by its sequence number, so that no other change is lost.
func (s *setup) makeISM(ctx context.Context, name, what string) (status int, kind string, err error) {
	path := "_plugins/_ism/policies/" + url.PathEscape(name)
	body := ismPolicy(&s.options.Output)
	var found struct {
		SeqNo  int64 `json:"_seq_no"`
		Term   int64 `json:"_primary_term"`
		Policy struct{ Description string }
	}
	status, kind, err = s.request(ctx, http.MethodGet, path, nil, &found)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		return status, kind, err
	}
	if status == http.StatusOK {
		var m mark
		if _, err := fmt.Sscanf(found.Policy.Description, managedBy+" version %d digest %s", &m.Version, &m.Digest); err == nil {
			m.ManagedBy = managedBy
		}
		if s.stays(what, m, body) {
			return http.StatusOK, "", nil
		}
		path += fmt.Sprintf("?if_seq_no=%d&if_primary_term=%d", found.SeqNo, found.Term)
	}
	description := fmt.Sprintf("%s version %d digest %s", managedBy, templateVersion, digest(body))
	body["policy"].(object)["description"] = description
	return http.StatusOK, "", s.put(ctx, what, path, body)
}
