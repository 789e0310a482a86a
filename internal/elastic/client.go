package elastic

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/limit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
)

// client sends requests to the servers of one cluster. It is safe for use by several
// goroutines at once.
type client struct {
	http      *http.Client
	transport *http.Transport
	authorize func(refused bool) (header string, err error) // nil for none
	agent     string
	gzip      bool
	timeout   time.Duration
	log       sink.Logger
	counters  *counters
	again     limit.Lines

	mu      sync.Mutex // guards what follows
	servers []*server
	next    int       // index of the server whose turn it is
	resume  time.Time // the servers asked not to be sent anything before
}

// server is one server, with its circuit breaker: after failures nothing is sent to it for a
// while, then one request at a time until one succeeds, with a single record. The same holds
// after refusals: of a server that cannot take records now, or does not as it is configured.
type server struct {
	base     string // the address, without a slash at its end
	failures int    // one after the other
	since    time.Time
	refusals int       // bulk requests of which no record was taken, one after the other
	retry    time.Time // when the next request may be sent, if there were failures or refusals
}

func (s *server) healthy() bool { return s.failures == 0 && s.refusals == 0 }

// toTry reports whether it is time to see whether the server works again.
func (s *server) toTry(now time.Time) bool { return !s.healthy() && !now.Before(s.retry) }

// How long a server is left alone after the first failure, and at most.
const (
	firstPause = 200 * time.Millisecond
	longPause  = 15 * time.Second
)

// maxResponse limits the size of a response, maxReason what is kept of one that is an error.
const maxResponse = 256 << 20

// newClient returns a client, or an error that names the options that are wrong.
func newClient(o *options.Output, version string, log sink.Logger, c *counters) (*client, error) {
	cl := &client{agent: "fluent-bit-kata/" + version, gzip: o.Gzip, timeout: o.Timeout, log: log, counters: c}
	var errs []error
	for _, address := range o.URLs {
		base, err := serverAddress(address)
		if err != nil {
			errs = append(errs, fmt.Errorf("url: %w", err))
		}
		cl.servers = append(cl.servers, &server{base: base})
	}
	tlsConfig, err := tlsOf(o)
	if err != nil {
		errs = append(errs, err)
	}
	if cl.authorize, err = authorization(o); err != nil {
		errs = append(errs, err)
	}
	cl.next = rand.IntN(len(cl.servers)) // so that the nodes of a cluster do not all begin with the same
	cl.transport = &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: min(o.Timeout, 5*time.Second), KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       tlsConfig,
		TLSHandshakeTimeout:   o.Timeout,
		ResponseHeaderTimeout: o.Timeout,
		MaxIdleConnsPerHost:   maxRunning,
		IdleConnTimeout:       50 * time.Second,
		DisableCompression:    true, // a response has 26 bytes for each record
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	cl.http = &http.Client{
		Transport: cl.transport,
		// A redirected request might lose its body or authorization.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return cl, errors.Join(errs...)
}

// serverAddress checks the address of a server. The error does not quote what may be a
// password.
func serverAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if strings.Contains(address, "@") {
		return "", errors.New("an address has a user or password in it; use http_user and http_passwd")
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is no address", address)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Hostname() == "":
		return "", fmt.Errorf("%q is not http://HOST:PORT or https://HOST:PORT", address)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", fmt.Errorf("%q has more than a host, a port and a path", address)
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// tlsOf returns the configuration of TLS.
func tlsOf(o *options.Output) (*tls.Config, error) {
	c := &tls.Config{ServerName: o.ServerName, InsecureSkipVerify: !o.TLSVerify, MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s has no certificate in PEM", o.CAFile)
		}
	}
	if o.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
			return &cert, err
		}
		if _, err := load(); err != nil {
			return nil, fmt.Errorf("crt_file, key_file: %w", err)
		}
		// For each connection, so that a new certificate is taken when the old one ends.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return c, nil
}

// response is a complete response.
type response struct {
	status int
	header http.Header
	body   []byte
	server *server
}

// errPaused is the error if no server may be sent anything at the moment.
type errPaused struct{ until time.Time }

func (errPaused) Error() string { return "no server can be reached" }

// do sends a request to the server whose turn it is. path has no slash at its start. small
// says that not much is lost if that server does not take it. buf is memory for the response.
//
// It returns an error unless a whole response came, which may be an error of the server's. If
// the error is no errPaused, it is not known what the server did.
func (c *client) do(ctx context.Context, method, path, contentType string, body []byte, small, zipped bool, buf []byte) (response, error) {
	s, err := c.pick(time.Now(), small)
	if err != nil {
		return response{}, err
	}
	r, err := c.exchange(ctx, s, method, path, contentType, body, small, zipped, buf)
	if errors.Is(err, context.Canceled) {
		return r, err // the instance ends
	}
	c.judge(s, r, err, time.Now())
	return r, err
}

// ask is do for a request from whose outcome nothing follows for others: it goes to any server,
// whether that works or not.
func (c *client) ask(ctx context.Context, method, path, contentType string, body []byte, small, zipped bool, buf []byte) (response, error) {
	c.mu.Lock()
	s, resume := c.servers[c.next], c.resume
	c.next = (c.next + 1) % len(c.servers)
	c.mu.Unlock()
	if time.Now().Before(resume) {
		return response{}, errPaused{resume}
	}
	return c.exchange(ctx, s, method, path, contentType, body, small, zipped, buf)
}

// exchange sends a request to a server, and counts it.
func (c *client) exchange(ctx context.Context, s *server, method, path, contentType string, body []byte, small, zipped bool, buf []byte) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := c.send(ctx, s, method, path, contentType, body, small, zipped, buf)
	if err == nil && r.status == http.StatusUnauthorized && c.authorize != nil {
		// The token may have just changed.
		if header, _ := c.authorize(true); header != "" {
			r, err = c.send(ctx, s, method, path, contentType, body, small, zipped, r.body)
		}
	}
	c.counters.request(r.status, err)
	return r, err
}

func (c *client) send(ctx context.Context, s *server, method, path, contentType string, body []byte, small, zipped bool, buf []byte) (response, error) {
	c.counters.inFlight.Add(1)
	defer c.counters.inFlight.Add(-1)
	// A *bytes.Reader gives the request its length, and lets it be sent again.
	req, err := http.NewRequestWithContext(ctx, method, s.base+"/"+path, bytes.NewReader(body))
	if err != nil {
		return response{}, err
	}
	req.Header.Set("User-Agent", c.agent)
	if small {
		// Nothing is sent for this header. It lets the package send a request again on a new
		// connection if the old one broke, as all requests may be. Large ones it would send at
		// once to a server that has died.
		req.Header["Idempotency-Key"] = nil
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
		if zipped {
			req.Header.Set("Content-Encoding", "gzip")
		}
	}
	if c.authorize != nil {
		header, err := c.authorize(false)
		if err != nil {
			return response{}, err
		}
		req.Header.Set("Authorization", header)
	}
	c.counters.sent.Add(uint64(len(body)))
	res, err := c.http.Do(req)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err // without the address, which the log line has
		}
		return response{}, err
	}
	defer res.Body.Close()
	b := bytes.NewBuffer(buf[:0])
	n, err := b.ReadFrom(io.LimitReader(res.Body, maxResponse+1))
	if err == nil && n > maxResponse {
		err = errors.New("the response is too long")
	}
	return response{status: res.StatusCode, header: res.Header, body: b.Bytes(), server: s}, err
}

// pick returns the server whose turn it is, or errPaused. Small requests go to a server that
// is to be tried first, all others to one that works, as long as there is one.
func (c *client) pick(now time.Time, small bool) (*server, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.resume) {
		return nil, errPaused{c.resume}
	}
	for _, try := range [...]bool{small, !small} {
		for range c.servers {
			s := c.servers[c.next]
			c.next = (c.next + 1) % len(c.servers)
			switch {
			case try && s.toTry(now):
				s.retry = now.Add(c.timeout) // one request at a time
				return s, nil
			case !try && s.healthy():
				return s, nil
			}
		}
	}
	return nil, errPaused{c.firstRetry()}
}

// isDown reports whether a status says that there is no server that works, whoever gives it.
func isDown(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// judge notes how a request to a server went. One line is logged when it fails, and one when
// it does not any more.
func (c *client) judge(s *server, r response, err error, now time.Time) {
	failed := err != nil || isDown(r.status)
	c.mu.Lock()
	failures, since := s.failures, s.since
	if failed {
		if s.failures++; s.failures == 1 {
			s.since = now
		}
		s.retry = now.Add(pause(s.failures))
	} else {
		s.failures, s.retry = 0, time.Time{}
	}
	if wait := retryAfter(r.header, now); wait > 0 && (r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable) {
		if until := now.Add(wait); len(c.servers) == 1 || r.status == http.StatusTooManyRequests {
			c.resume = until
		} else if until.After(s.retry) {
			s.retry = until
		}
	}
	c.mu.Unlock()
	switch {
	case failed && failures == 0:
		reason := fmt.Sprintf("status %d", r.status)
		if err != nil {
			reason = failureText(err)
		}
		c.log.Warnf("%s: %s; records go to the other servers, if there are any, and are kept until they are stored", s.base, reason)
	case !failed && failures > 0:
		c.log.Infof("%s: works again after %v and %d failed requests", s.base, now.Sub(since).Round(time.Second), failures)
	}
}

// taken notes whether a server that has responded takes records. It is not judge that does,
// since in a setup a status may have another meaning.
func (c *client) taken(s *server, taken bool, now time.Time) {
	c.mu.Lock()
	refusals := s.refusals
	if taken {
		s.refusals = 0
	} else {
		s.refusals++
		s.retry = now.Add(pause(s.refusals))
	}
	c.mu.Unlock()
	if taken && refusals > 0 {
		if held, due := c.again.Due(now); due {
			c.log.Infof("%s: takes records again after %d refused requests%s", s.base, refusals, held)
		}
	}
}

// paused returns until when no server may be sent anything, a zero time if one may.
func (c *client) paused(now time.Time) (until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.resume) {
		return c.resume
	}
	for _, s := range c.servers {
		if s.healthy() || s.toTry(now) {
			return time.Time{}
		}
	}
	return c.firstRetry()
}

// firstRetry returns when the first server is to be tried again. None of them works.
func (c *client) firstRetry() time.Time {
	return slices.MinFunc(c.servers, func(a, b *server) int { return a.retry.Compare(b.retry) }).retry
}

// toTry reports whether no server works, or one is to be tried again.
func (c *client) toTry(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.servers, func(s *server) bool { return s.toTry(now) }) || !slices.ContainsFunc(c.servers, (*server).healthy)
}

// healthy reports whether there is a server whose last request did not fail.
func (c *client) healthy() bool { return c.down() < len(c.servers) }

// down returns how many servers fail or refuse records.
func (c *client) down() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		if !s.healthy() {
			n++
		}
	}
	return n
}

// failureText describes an error of a request.
func failureText(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
		return "no response in time"
	}
	return err.Error()
}

// pause returns how long to wait after a number of failures: twice as long each time, from
// half of it on at random, so that nodes do not come back all at once.
func pause(failures int) time.Duration {
	d := longPause
	if failures < 10 {
		d = min(longPause, firstPause<<(failures-1))
	}
	return d/2 + rand.N(d/2)
}

// maxRetryAfter limits what a server may ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter returns how long the header Retry-After says to wait, 0 if it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return min(time.Duration(min(seconds, 1e6))*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}
