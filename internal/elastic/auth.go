package elastic

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// authorization returns the function that gives the header Authorization, nil if none was
// configured. If the last one was refused, the function is called with true, and returns ""
// if it has no other.
func authorization(o *options.Output) (func(refused bool) (string, error), error) {
	fixed := func(header string) (func(bool) (string, error), error) {
		for _, c := range header {
			if c < ' ' || c > '~' {
				return nil, errors.New("http_user, http_passwd, api_key: a character that no header can have")
			}
		}
		return func(refused bool) (string, error) {
			if refused {
				return "", nil
			}
			return header, nil
		}, nil
	}
	switch {
	case o.User != "":
		return fixed("Basic " + base64.StdEncoding.EncodeToString([]byte(o.User+":"+string(o.Password))))
	case o.APIKey != "":
		return fixed("ApiKey " + string(o.APIKey))
	case o.BearerTokenFile != "":
		f := &tokenFile{path: o.BearerTokenFile}
		if _, err := f.header(false); err != nil {
			return nil, fmt.Errorf("bearer_token_file: %w", err)
		}
		return f.header, nil
	}
	return nil, nil
}

// tokenFile is a file with a bearer token, such as one that Kubernetes replaces now and then.
type tokenFile struct {
	path string

	mu    sync.Mutex
	info  os.FileInfo
	token string
}

// header returns the header with the token, which is read again if the file has changed. A
// file that cannot be read leaves the last token. If refused, only another token is returned.
func (f *tokenFile) header(refused bool) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.token
	info, err := os.Stat(f.path)
	if err == nil && (refused || f.info == nil || !os.SameFile(info, f.info) || info.Size() != f.info.Size() || !info.ModTime().Equal(f.info.ModTime())) {
		var b []byte
		if b, err = os.ReadFile(f.path); err == nil {
			token := strings.TrimSpace(string(b))
			switch {
			case token == "":
				err = fmt.Errorf("%s is empty", f.path)
			case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
				err = fmt.Errorf("%s is no token", f.path)
			default:
				f.token, f.info = token, info
			}
		}
	}
	if f.token == "" {
		return "", err
	}
	if refused && f.token == last {
		return "", nil
	}
	return "Bearer " + f.token, nil
}
