//go:build e2e

package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"sync"
	"testing"

	"github.com/ugorji/go/codec"
)

// event is one log event as it came out of Fluent Bit.
type event struct {
	tag  string
	time string         // seconds.nanoseconds
	keys []string       // in order
	body map[string]any // integers are int64
}

// receiver is the server's half of Fluentd's forward protocol: that way events
// leave Fluent Bit with their types, order and nanoseconds as they are.
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
	// Runs after the cleanup of a process that was started later: the senders have gone.
	t.Cleanup(func() {
		r.close()
		<-accepting
	})
	return r
}

// close answers all that has come, once everything is read that a Fluent Bit
// which has ended had sent.
func (r *receiver) close() []event {
	r.listener.Close()
	r.conns.Wait()
	events, _ := r.events.now()
	return events
}

// pairs is a map of the wire as keys and values in turn: order and keys that
// come twice stay visible.
type pairs []any

// MapBySlice tells the decoder so.
func (pairs) MapBySlice() {}

// message is the protocol's Forward message.
type message struct {
	_       struct{} `codec:",toarray"`
	Tag     string
	Entries []entry
}

type entry struct {
	_    struct{} `codec:",toarray"`
	Time any
	Body pairs
}

func (r *receiver) read(conn io.Reader) error {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.RawToString = true
	h.SignedInteger = true
	h.MapType = reflect.TypeFor[map[string]any]()
	for d := codec.NewDecoder(conn, h); ; {
		var m message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for _, entry := range m.Entries {
			e, err := newEvent(m.Tag, entry)
			if err != nil {
				return err
			}
			r.events.add(e)
		}
	}
}

func newEvent(tag string, from entry) (event, error) {
	at := from.Time
	if pair, ok := at.([]any); ok && len(pair) == 2 { // with metadata, as newer versions send it
		at = pair[0]
	}
	ext, ok := at.(codec.RawExt)
	if !ok || ext.Tag != 0 || len(ext.Data) != 8 {
		return event{}, fmt.Errorf("the time is no EventTime: %v", from.Time)
	}
	e := event{
		tag:  tag,
		time: fmt.Sprintf("%d.%09d", binary.BigEndian.Uint32(ext.Data), binary.BigEndian.Uint32(ext.Data[4:])),
		body: map[string]any{},
	}
	for i := 0; i < len(from.Body); i += 2 {
		key, ok := from.Body[i].(string)
		if !ok {
			return event{}, fmt.Errorf("a key is %T", from.Body[i])
		}
		if _, twice := e.body[key]; twice {
			return event{}, fmt.Errorf("the name %s comes twice in one record", key)
		}
		e.keys = append(e.keys, key)
		e.body[key] = from.Body[i+1]
	}
	return e, nil
}
