package elastic

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	stdlog "log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Addresses that are no server's, and options that cannot be used, are errors, which hide
// passwords.
func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{
		{"url: an address has a user or password", "url", "http://user:secret@h:9200"},
		{"url: an address has a user or password", "url", "http://user:sec ret%@h:9200"},
		{`url: "ftp://h" is not http://HOST:PORT`, "url", "ftp://h"},
		{`url: "h:9200" is not http://HOST:PORT`, "url", "h:9200"},
		{`url: "http://:9200" is not http://HOST:PORT`, "url", "http://:9200"},
		{`url: "http://h/?a=b" has more than`, "url", "http://h/?a=b"},
		{`url: "http://%zz" is no address`, "url", "http://%zz"},
		{"ca_file: open ", "url", "https://h", "ca_file", filepath.Join(dir, "none")},
		{"ca_file: " + empty + " has no certificate", "url", "https://h", "ca_file", empty},
		{"crt_file, key_file: ", "url", "https://h", "crt_file", empty, "key_file", empty},
		{"bearer_token_file: " + empty + " is empty", "url", "https://h", "bearer_token_file", empty},
		{"bearer_token_file: stat ", "url", "https://h", "bearer_token_file", filepath.Join(dir, "none")},
		{"a character that no header can have", "url", "https://h", "api_key", "a\nsecret"},
	} {
		_, err := New(config(t, c[1:]...), "", new(testLog), nil)
		if err == nil || !strings.Contains(err.Error(), c[0]) || strings.Contains(err.Error(), "sec") && strings.Contains(err.Error(), "ret") && !strings.Contains(c[0], "sec") {
			t.Errorf("%q: %v, want %s", c[1:], err, c[0])
		}
	}
	// The path of a server behind a proxy stays.
	if base, err := serverAddress("https://h:1/a/b/"); err != nil || base != "https://h:1/a/b" {
		t.Errorf("%s, %v", base, err)
	}
}

// headers returns a server that stores what comes, and the headers Authorization of its
// requests; refuse says which are refused.
func headers(t *testing.T, refuse func(header string) bool) (*fake, func() string) {
	f := newFake(t)
	var mu sync.Mutex
	var got []string
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		header := r.Header.Get("Authorization")
		got = append(got, header)
		if refuse != nil && refuse(header) {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return false
	}
	return f, func() string {
		mu.Lock()
		defer mu.Unlock()
		all := strings.Join(got, "|")
		got = nil
		return all
	}
}

func TestAuthorization(t *testing.T) {
	for _, c := range []struct {
		pairs []string
		want  string
	}{
		{nil, ""},
		{[]string{"http_user", "u", "http_passwd", "p:q"}, "Basic dTpwOnE="},
		{[]string{"api_key", "abc=="}, "ApiKey abc=="},
	} {
		f, got := headers(t, nil)
		e, _ := start(t, f.URL, c.pairs...)
		deliver(t, e, chunkOf(records(0, "a")))
		if header := got(); header != c.want {
			t.Errorf("%q: %s, want %s", c.pairs, header, c.want)
		}
	}
}

// A token is read again when its file has changed, or when it was refused; a file that is
// gone for a moment leaves the last one.
func TestBearerToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		t.Helper()
		// As Kubernetes does: another file gets its name.
		if err := os.WriteFile(file+".new", []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	valid := "Bearer one"
	f, got := headers(t, func(header string) bool { return header != valid })
	e, log := start(t, f.URL, "bearer_token_file", file)
	n := 0
	check := func(want string) {
		t.Helper()
		n++
		deliver(t, e, chunkOf(records(n, "a")))
		if header := got(); header != want {
			t.Errorf("%s, want %s", header, want)
		}
	}
	check("Bearer one")
	write("two")
	valid = "Bearer two"
	check("Bearer two")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	check("Bearer two")
	// The time and size of the file are as before, but the token is another one.
	write("two")
	check("Bearer two")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("six\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	valid = "Bearer six"
	check("Bearer two|Bearer six")
	if log.count("six")+log.count("two") > 0 {
		t.Errorf("logged %s", log)
	}
}

// pair writes a certificate and its key, and returns their paths and the certificate.
func pair(t *testing.T, dir, name string) (certFile, keyFile string, cert *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, cert
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	serverCert, serverKey, _ := pair(t, dir, "es.example")
	clientCert, clientKey, client := pair(t, dir, "client")
	inner := newFake(t)
	f := httptest.NewUnstartedServer(inner)
	certificate, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(client)
	f.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	f.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	f.StartTLS()
	defer f.Close()
	mine := []string{"crt_file", clientCert, "key_file", clientKey}
	for _, c := range []struct {
		pairs []string
		want  string // an error that is logged
	}{
		{append([]string{"ca_file", serverCert, "server_name", "es.example"}, mine...), ""},
		{append([]string{"tls_verify", "off"}, mine...), ""},
		{append([]string{"ca_file", serverCert}, mine...), "certificate"},       // another name
		{append([]string{"server_name", "es.example"}, mine...), "certificate"}, // the authority is not known
		{[]string{"ca_file", serverCert, "server_name", "es.example"}, "certificate"},
	} {
		e, log := start(t, f.URL, c.pairs...)
		e.budget = 200 * time.Millisecond
		if c.want == "" {
			deliver(t, e, chunkOf(records(0, "a")))
			continue
		}
		for i := 0; log.count(c.want) == 0; i++ {
			if e.Deliver(chunkOf(records(0, "a"))) == nil || i == 200 {
				t.Fatalf("%q: logged %s", c.pairs, log)
			}
		}
	}
}

// The pauses grow, are limited, and are not equal.
func TestPause(t *testing.T) {
	seen := map[time.Duration]bool{}
	for failures := 1; failures < 100; failures++ {
		limit := min(longPause, firstPause<<min(failures-1, 20))
		d := pause(failures)
		if d < limit/2 || d > limit {
			t.Errorf("%v after %d failures", d, failures)
		}
		seen[d] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different pauses", len(seen))
	}
}
