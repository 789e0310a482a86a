//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// event is one log event that Fluent Bit has sent.
type event struct {
	tag  string
	time string         // seconds.nanoseconds
	keys []string       // in order
	body map[string]any // integers are int64
}

// receiver is a server for Fluentd's forward protocol, which preserves the types, order and
// nanoseconds of events.
type receiver struct {
	listener net.Listener
	port     string
	events   *stream[event]
	conns    sync.WaitGroup
}

// listen starts a receiver on a free port of loopback.
func listen(t *testing.T) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	r := &receiver{listener: l, port: port, events: newStream[event]()}
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.conns.Go(func() {
				defer conn.Close()
				if err := r.read(conn); err != nil {
					t.Errorf("forward: %v", err)
				}
			})
		}
	}()
	// Runs after the cleanup of processes that are started later, so that no sender is left.
	t.Cleanup(func() {
		r.close()
		<-accepting
	})
	return r
}

// close reads all that Fluent Bit, which must have ended, has sent, and returns all events.
func (r *receiver) close() []event {
	r.listener.Close()
	r.conns.Wait()
	events, _ := r.events.now()
	return events
}

// read reads messages of the protocol until the sender closes the connection. A message has a
// tag, an array of events, and options.
func (r *receiver) read(conn io.Reader) error {
	var b []byte
	part := make([]byte, 1<<16)
	for {
		n, err := conn.Read(part)
		b = append(b, part[:n]...)
		for {
			m, rest, ok := contract.ReadValue(b)
			if !ok {
				break // incomplete
			}
			b = rest
			if err := r.message(&m); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF) && len(b) > 0:
			return fmt.Errorf("%d bytes at the end are no message", len(b))
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (r *receiver) message(m *contract.Value) error {
	if m.Kind != contract.Array || len(m.In) < 2 || m.In[0].Kind != contract.Str || m.In[1].Kind != contract.Array {
		return fmt.Errorf("no message: %x", m.Raw)
	}
	entries := m.In[1].In
	for i := range entries {
		e, err := newEvent(string(m.In[0].Text), &entries[i])
		if err != nil {
			return err
		}
		r.events.add(e)
	}
	return nil
}

func newEvent(tag string, from *contract.Value) (event, error) {
	at, _, body, err := from.Parts()
	if err != nil {
		return event{}, err
	}
	if at.Kind != contract.Ext {
		return event{}, fmt.Errorf("the time is no EventTime: %v", at.Any())
	}
	e := event{tag: tag, time: at.TimeText(), body: map[string]any{}}
	for i := 0; i < len(body.In); i += 2 {
		if body.In[i].Kind != contract.Str {
			return event{}, fmt.Errorf("a key is %x", body.In[i].Raw)
		}
		key := string(body.In[i].Text)
		if _, twice := e.body[key]; twice {
			return event{}, fmt.Errorf("the name %s comes twice in one record", key)
		}
		e.keys = append(e.keys, key)
		e.body[key] = body.In[i+1].Any()
	}
	return e, nil
}
