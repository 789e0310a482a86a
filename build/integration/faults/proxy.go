// Package faults is an HTTP proxy that stands between an output plugin and Elasticsearch or
// OpenSearch and fails on purpose, at the request that a test chooses. It listens on loopback.
package faults

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// Fault is what happens to one bulk request.
type Fault int

// The faults.
const (
	Pass        Fault = iota
	Reset             // the server processes the request, then the connection is reset without a response
	Cut               // the server processes it, the response ends after half of its body
	RejectAll         // status 429, the server does not get it
	RejectSome        // one item of ten gets status 429, the server processes the others
	Unavailable       // status 503, the server does not get it
	Hang              // no response, until the client closes the connection or the proxy is closed
)

// Plan returns the fault of the bulk request with this number, which counts from 1. It may be
// called by several goroutines at once.
type Plan func(request int) Fault

// Always returns a plan with the same fault for every request.
func Always(f Fault) Plan { return func(int) Fault { return f } }

// Every returns a plan with a fault for each nth request, the second one of n first.
func Every(n int, f Fault) Plan {
	return func(request int) Fault {
		if request%n == 2%n {
			return f
		}
		return Pass
	}
}

// Proxy is a proxy in front of one server. Its methods may be called at any time.
type Proxy struct {
	listener net.Listener
	server   *http.Server
	target   string
	client   *http.Client
	closed   chan struct{}

	plan     atomic.Pointer[Plan]
	seen     atomic.Pointer[func(request int)]
	down     atomic.Bool
	cert     atomic.Pointer[tls.Certificate]
	password atomic.Pointer[string] // user:password that is asked for
	stubs    sync.Map               // prefix of paths -> http.Handler

	bytes, failed, bulks, requests, active atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// Start starts a proxy in front of the server with the base URL target, without a fault. With a
// certificate it speaks TLS. Close ends it.
func Start(target string, cert *tls.Certificate) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		listener: l,
		target:   strings.TrimSuffix(target, "/"),
		client:   &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}},
		closed:   make(chan struct{}),
		conns:    map[net.Conn]bool{},
	}
	p.SetPlan(Always(Pass))
	p.server = &http.Server{
		Handler:      http.HandlerFunc(p.serve),
		ErrorLog:     log.New(io.Discard, "", 0), // refused handshakes are meant
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	var accepted net.Listener = &listener{l, p}
	if cert != nil {
		p.SetCertificate(cert)
		accepted = tls.NewListener(accepted, &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.cert.Load(), nil },
		})
	}
	go func() { _ = p.server.Serve(accepted) }()
	return p, nil
}

// Close ends the proxy and all of its connections.
func (p *Proxy) Close() {
	close(p.closed)
	_ = p.server.Close()
	p.closeConns()
	p.client.CloseIdleConnections()
}

// Addr returns the address that the proxy listens on, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetPlan sets what happens to the bulk requests from now on. Their numbers go on.
func (p *Proxy) SetPlan(plan Plan) { p.plan.Store(&plan) }

// OnBulk sets a function that is called with the number of each bulk request that the server has
// processed, before the response is sent.
func (p *Proxy) OnBulk(f func(request int)) { p.seen.Store(&f) }

// SetCertificate sets the certificate of connections from now on, and closes those that are open.
func (p *Proxy) SetCertificate(cert *tls.Certificate) {
	p.cert.Store(cert)
	p.closeConns()
}

// SetDown begins or ends an outage, in which every connection is reset.
func (p *Proxy) SetDown(down bool) {
	p.down.Store(down)
	if down {
		p.closeConns()
	}
}

// RequirePassword has every request without this user and password refused with status 401.
func (p *Proxy) RequirePassword(user, password string) {
	both := user + ":" + password
	p.password.Store(&both)
}

// Stub serves the paths that start with prefix by a handler instead of the server.
func (p *Proxy) Stub(prefix string, h http.Handler) { p.stubs.Store(prefix, h) }

// Bytes returns how many bytes clients have sent, headers among them.
func (p *Proxy) Bytes() int64 { return p.bytes.Load() }

// Failed returns how many of them were in the bodies of bulk requests of which, by the plan, no
// response told that any record is stored.
func (p *Proxy) Failed() int64 { return p.failed.Load() }

// Bulks returns the number of bulk requests.
func (p *Proxy) Bulks() int { return int(p.bulks.Load()) }

// Requests returns the number of all requests.
func (p *Proxy) Requests() int { return int(p.requests.Load()) }

// Active returns the number of requests without a response so far.
func (p *Proxy) Active() int { return int(p.active.Load()) }

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	p.active.Add(1)
	defer p.active.Add(-1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	if want := p.password.Load(); want != nil {
		user, password, _ := r.BasicAuth()
		if user+":"+password != *want {
			w.Header().Set("WWW-Authenticate", `Basic realm="security"`)
			fail(w, http.StatusUnauthorized, "security_exception", "unable to authenticate user")
			return
		}
	}
	var stub http.Handler
	p.stubs.Range(func(prefix, h any) bool {
		if strings.HasPrefix(r.URL.Path, prefix.(string)) {
			stub = h.(http.Handler)
		}
		return stub == nil
	})
	if stub != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		stub.ServeHTTP(w, r)
		return
	}
	fault, number := Pass, 0
	if r.URL.Path == "/_bulk" || strings.HasSuffix(r.URL.Path, "/_bulk") {
		number = int(p.bulks.Add(1))
		fault = (*p.plan.Load())(number)
	}
	if fault != Pass && fault != RejectSome {
		p.failed.Add(int64(len(body)))
	}
	switch fault {
	case RejectAll:
		fail(w, http.StatusTooManyRequests, "es_rejected_execution_exception", "rejected execution of coordinating operation")
		return
	case Unavailable:
		fail(w, http.StatusServiceUnavailable, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];")
		return
	case Hang:
		select {
		case <-r.Context().Done():
		case <-p.closed:
		}
		reset(w)
		return
	case RejectSome:
		if r.Header.Get("Content-Encoding") == "gzip" {
			if body, err = gunzip(body); err != nil {
				fail(w, http.StatusBadRequest, "parse_exception", err.Error())
				return
			}
			r.Header.Del("Content-Encoding")
		}
		p.rejectSome(w, r, body)
		return
	}
	resp, err := p.forward(r, body)
	if err != nil {
		reset(w) // the server itself is down
		return
	}
	if seen := p.seen.Load(); number > 0 && seen != nil {
		(*seen)(number)
	}
	switch fault {
	case Reset:
		reset(w)
	case Cut:
		cut(w, resp)
	default:
		respond(w, resp)
	}
}

// response is a response of the server's.
type response struct {
	status  int
	header  http.Header
	content []byte
}

// forward has the server process a request.
func (p *Proxy) forward(r *http.Request, body []byte) (*response, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = r.Header.Clone()
	resp, err := p.client.Do(out)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	return &response{resp.StatusCode, resp.Header, content}, err
}

func respond(w http.ResponseWriter, resp *response) {
	for key, values := range resp.header {
		if key != "Content-Length" && key != "Connection" {
			w.Header()[key] = values
		}
	}
	w.WriteHeader(resp.status)
	_, _ = w.Write(resp.content)
}

// fail writes an error as a server does.
func fail(w http.ResponseWriter, status int, kind, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"root_cause":[{"type":%q,"reason":%q}],"type":%[1]q,"reason":%[2]q},"status":%d}`, kind, reason, status)
}

// reset resets the connection of a request.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		abort(conn)
	}
}

// abort closes a connection so that its peer gets a reset instead of an end of file.
func abort(conn net.Conn) {
	under := conn
	for {
		switch c := under.(type) {
		case *tls.Conn:
			under = c.NetConn()
			continue
		case *counted:
			under = c.Conn
			continue
		case *net.TCPConn:
			_ = c.SetLinger(0)
		}
		break
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // without the alert that ends TLS
	}
	conn.Close()
}

// cut writes the header and half of the body of a response, and closes the connection.
func cut(w http.ResponseWriter, resp *response) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		resp.status, http.StatusText(resp.status), resp.header.Get("Content-Type"), len(resp.content))
	_, _ = buffered.Write(resp.content[:len(resp.content)/2])
	_ = buffered.Flush()
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(z)
	return out, errors.Join(err, z.Close())
}

// closeConns resets all connections.
func (p *Proxy) closeConns() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
	clear(p.conns)
}

// listener resets connections in an outage, and has all others counted.
type listener struct {
	net.Listener
	proxy *Proxy
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.proxy.mu.Lock()
		down := l.proxy.down.Load()
		if !down {
			l.proxy.conns[conn] = true
		}
		l.proxy.mu.Unlock()
		if !down {
			return &counted{conn, l.proxy}, nil
		}
		abort(conn)
	}
}

// counted is a connection of a proxy.
type counted struct {
	net.Conn
	proxy *Proxy
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.proxy.bytes.Add(int64(n))
	return n, err
}

func (c *counted) Close() error {
	c.proxy.mu.Lock()
	delete(c.proxy.conns, c.Conn)
	c.proxy.mu.Unlock()
	return c.Conn.Close()
}
