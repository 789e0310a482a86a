package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The user and the group that servers run as if the caller is root: they refuse to run as
// root. Both are nobody's.
const nobody = 65534

const (
	startTimeout = 3 * time.Minute
	stopTimeout  = time.Minute
)

// Server is a server that listens on loopback.
type Server struct {
	Archive
	// URL is its base URL. It stays the same when the server is started again.
	URL string
	// User and Password are what it asks for; both are empty if it asks for none.
	User, Password string

	dir, home string
	settings  map[string]string
	cmd       *exec.Cmd
	ended     chan struct{}
}

// New unpacks a server in a temporary directory, which Close removes. Elasticsearch asks for a
// user and password; the distribution of OpenSearch cannot.
func New(ctx context.Context, a Archive) (*Server, error) {
	dir, err := os.MkdirTemp("", "kata-"+a.Name+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{Archive: a, dir: dir}
	if err := s.prepare(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) prepare(ctx context.Context) (err error) {
	if s.home, err = s.unpack(ctx, s.dir); err != nil {
		return err
	}
	http, err := freePort()
	if err != nil {
		return err
	}
	transport, err := freePort()
	if err != nil {
		return err
	}
	s.URL = "http://127.0.0.1:" + http
	s.settings = map[string]string{
		"discovery.type": "single-node",
		"network.host":   "127.0.0.1",
		"http.port":      http,
		"transport.port": transport,
		"path.data":      filepath.Join(s.dir, "data"),
		"path.logs":      filepath.Join(s.dir, "logs"),
		// Tests fail because of the plugin, not because of the machine's disk.
		"cluster.routing.allocation.disk.threshold_enabled": "false",
	}
	for _, name := range []string{"data", "logs", "tmp"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o755); err != nil {
			return err
		}
	}
	if s.Name == "elasticsearch" {
		s.User, s.Password = "elastic", "kata-integration"
		s.settings["xpack.security.enabled"] = "true"
		s.settings["xpack.security.transport.ssl.enabled"] = "false"
	}
	if err := s.give(); err != nil {
		return err
	}
	if s.Password == "" {
		return nil
	}
	for _, args := range [][]string{{"create"}, {"add", "-x", "bootstrap.password"}} {
		cmd := s.command(ctx, "elasticsearch-keystore", args...)
		cmd.Stdin = strings.NewReader(s.Password)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
	}
	return nil
}

// SetRoles replaces the roles that Elasticsearch reads from a file, which it looks at every few
// seconds, and gives the user with this name and password the role of the same name. The roles
// are as in its roles.yml.
func (s *Server) SetRoles(ctx context.Context, user, password, roles string) error {
	if s.Password == "" {
		return errors.New(s.Name + " has no roles")
	}
	if err := os.WriteFile(filepath.Join(s.home, "config", "roles.yml"), []byte(roles), 0o644); err != nil {
		return err
	}
	if users, err := os.ReadFile(filepath.Join(s.home, "config", "users")); err != nil || strings.Contains(string(users), user+":") {
		return err
	}
	// Its own API keeps users in an index for which this distribution has no analyser.
	cmd := s.command(ctx, "elasticsearch-users", "useradd", user, "-p", password, "-r", user)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// give makes the directory the server's user's.
func (s *Server) give() error {
	if os.Geteuid() != 0 {
		return nil
	}
	return filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
}

// command returns a command of the server's bin directory, run as the server's user in a
// process group of its own.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.home, "bin", name), args...)
	prefix := "ES" // of its environment variables
	if s.Name == "opensearch" {
		prefix = "OPENSEARCH"
	}
	cmd.Dir = s.home
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOME=" + s.dir,
		prefix + "_PATH_CONF=" + filepath.Join(s.home, "config"),
		prefix + "_TMPDIR=" + filepath.Join(s.dir, "tmp"),
		prefix + "_JAVA_OPTS=-Xms1g -Xmx1g -XX:TieredStopAtLevel=1", // it starts sooner, and no test needs it to be fast
		prefix + "_JAVA_HOME=" + javaHome(),
		"CLI_JAVA_OPTS=-XX:TieredStopAtLevel=1",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

// javaHome returns JAVA_HOME, or else the directory of the java on PATH.
func javaHome() string {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return home
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return ""
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return ""
	}
	return filepath.Dir(filepath.Dir(path))
}

// Start starts the server and waits until it is healthy. more are additional settings, for
// this start only; the data of earlier starts is still there.
func (s *Server) Start(ctx context.Context, more map[string]string) error {
	var config strings.Builder
	for _, settings := range []map[string]string{s.settings, more} {
		for key, value := range settings {
			_, _ = fmt.Fprintf(&config, "%s: %q\n", key, value)
		}
	}
	if err := os.WriteFile(filepath.Join(s.home, "config", s.Name+".yml"), []byte(config.String()), 0o644); err != nil {
		return err
	}
	logPath := filepath.Join(s.dir, "console.log")
	console, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer console.Close()
	// The context limits the start only: the process lives until Stop or Kill.
	s.cmd = s.command(context.WithoutCancel(ctx), s.Name)
	s.cmd.Stdout, s.cmd.Stderr = console, console
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.healthy(ctx); err != nil {
		s.Kill()
		console, _ := os.ReadFile(logPath)
		return fmt.Errorf("%s did not start: %w\n%s", s.Name, err, console[max(0, len(console)-5000):])
	}
	return nil
}

func (s *Server) healthy(ctx context.Context) error {
	for {
		var health struct{ Status string }
		err := s.DoContext(ctx, http.MethodGet, "/_cluster/health", nil, &health)
		if err == nil && health.Status != "red" {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.ended
	s.cmd = nil
}

// Stop ends the server, so that its data is complete.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
		s.cmd = nil
	case <-time.After(stopTimeout):
		s.Kill()
	}
}

// Close ends the server and removes its directory.
func (s *Server) Close() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

// StatusError is a response with a status that is not 2xx.
type StatusError struct {
	Status int
	Body   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %.2000s", e.Status, e.Body) }

// Do makes a request. body and into may be nil; body is sent as JSON, unless it is a string,
// which is sent as it is, and the response is read as JSON into into.
func (s *Server) Do(method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return s.DoContext(ctx, method, path, body, into)
}

// DoContext is Do with a context.
func (s *Server) DoContext(ctx context.Context, method, path string, body, into any) error {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, reader)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if s.Password != "" {
		r.SetBasicAuth(s.User, s.Password)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &StatusError{resp.StatusCode, string(text)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// Documents calls f with each document of the indexes that match the pattern, as JSON. fields
// are those that f needs, or nil for all. Indexes that are not there have no documents.
func (s *Server) Documents(pattern string, fields []string, f func(source []byte)) error {
	// Without the refresh what was indexed last would not be found.
	if err := s.Do(http.MethodPost, "/"+pattern+"/_refresh?ignore_unavailable=true", nil, nil); err != nil {
		return err
	}
	query := map[string]any{"size": 5000, "sort": []string{"_doc"}}
	if fields != nil {
		query["_source"] = fields
	}
	var page struct {
		Scroll string `json:"_scroll_id"`
		Hits   struct {
			Hits []struct {
				Source json.RawMessage `json:"_source"`
			}
		}
	}
	err := s.Do(http.MethodPost, "/"+pattern+"/_search?scroll=1m&ignore_unavailable=true", query, &page)
	for err == nil && len(page.Hits.Hits) > 0 {
		for _, hit := range page.Hits.Hits {
			f(hit.Source)
		}
		id := page.Scroll
		page.Hits.Hits = nil
		err = s.Do(http.MethodPost, "/_search/scroll", map[string]string{"scroll": "1m", "scroll_id": id}, &page)
	}
	if page.Scroll != "" {
		_ = s.Do(http.MethodDelete, "/_search/scroll", map[string]string{"scroll_id": page.Scroll}, nil)
	}
	return err
}

// Count returns the number of documents of the indexes that match the pattern.
func (s *Server) Count(pattern string) (int, error) {
	if err := s.Do(http.MethodPost, "/"+pattern+"/_refresh?ignore_unavailable=true", nil, nil); err != nil {
		return 0, err
	}
	var result struct{ Count int }
	err := s.Do(http.MethodGet, "/"+pattern+"/_count?ignore_unavailable=true", nil, &result)
	return result.Count, err
}

// freePort returns a port of loopback that is free, until another program takes it.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
