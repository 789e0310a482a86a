package elastic

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// The property: whatever the server does, all records are stored once, over retries and over
// restarts of the plugin in which all that it knew is lost.
func TestEveryFault(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range 4 {
		rnd := rand.New(rand.NewPCG(seed, uint64(round)))
		var mu sync.Mutex // of rnd in the server
		chance := func(percent int) bool { mu.Lock(); defer mu.Unlock(); return rnd.IntN(100) < percent }
		f := newFake(t)
		calm := false // the faults are over
		hijack := func(w http.ResponseWriter) {
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				c.Close()
			}
		}
		f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			mu.Lock()
			quiet := calm
			mu.Unlock()
			switch {
			case quiet:
			case chance(8):
				hijack(w) // before processing
				return true
			case chance(8):
				http.Error(w, `{"error":{"type":"es_rejected_execution_exception"}}`, []int{429, 500, 503, 408, 502}[len(body)%5])
				return true
			case chance(3):
				http.Error(w, "<html>", []int{401, 403, 404}[len(body)%3])
				return true
			case bytes.Count(body, []byte("\n")) > 2 && chance(2):
				http.Error(w, `{"error":"too large"}`, http.StatusRequestEntityTooLarge)
				return true
			case chance(2):
				<-r.Context().Done() // a server that hangs
				return true
			}
			return false
		}
		f.refuse = func(index, id string, doc []byte) itemResult {
			conflict := bytes.Contains(doc, []byte(`"k":"bad`))
			mu.Lock()
			quiet := calm
			mu.Unlock()
			switch {
			case conflict && index != "kata-dead-letter":
				return itemResult{400, "document_parsing_exception", "a date was expected"}
			case !quiet && chance(10):
				return itemResult{[]int{429, 503, 500, 403}[len(doc)%4], "cluster_block_exception", "later"}
			}
			return itemResult{}
		}
		f.after = func(w http.ResponseWriter, response []byte) bool {
			mu.Lock()
			quiet := calm
			mu.Unlock()
			switch {
			case quiet:
			case chance(5):
				hijack(w) // after processing
				return true
			case chance(5): // the response is cut
				w.Header().Set("Content-Length", fmt.Sprint(len(response)))
				_, _ = w.Write(response[:len(response)/2])
				return true
			case chance(3): // it is cut, and nothing tells
				_, _ = w.Write(response[:len(response)/2])
				return true
			case bytes.Count(response, []byte(`"create"`)) > 1 && chance(3): // items are missing
				_, _ = w.Write([]byte(`{"items":[{"create":{"status":201}}]}`))
				return true
			}
			return false
		}

		var chunks [][]byte
		var want, bad []string
		for c := range 12 {
			var values []string
			for i := range 1 + rnd.IntN(60) {
				v := fmt.Sprintf("%02d-%03d", c, i)
				if rnd.IntN(20) == 0 {
					v = "bad" + v
					bad = append(bad, v)
				} else {
					want = append(want, v)
				}
				values = append(values, v)
			}
			chunks = append(chunks, records(c*1000, values...))
		}
		options := []string{"timeout", "1s", "bulk_records", "25", "compress", []string{"gzip", "none"}[round%2]}
		e, _ := start(t, f.URL, options...)
		e.budget = 500 * time.Millisecond
		var workers sync.WaitGroup
		queue := make(chan []byte, 1000)
		for _, c := range chunks {
			queue <- c
		}
		var instance sync.RWMutex // a restart waits for the calls, as Fluent Bit does
		left := len(chunks)
		var leftMu sync.Mutex
		for range 2 {
			workers.Go(func() {
				for tries := 0; ; tries++ {
					c, ok := <-queue
					if !ok {
						return
					}
					if tries == 40 {
						mu.Lock()
						calm = true
						mu.Unlock()
					}
					instance.RLock()
					err := e.Deliver(chunkOf(c))
					instance.RUnlock()
					leftMu.Lock()
					if err != nil {
						queue <- c
					} else if left--; left == 0 {
						close(queue)
					}
					leftMu.Unlock()
				}
			})
		}
		for range 3 { // restarts
			time.Sleep(150 * time.Millisecond)
			instance.Lock()
			e.Close()
			e, _ = start(t, f.URL, options...)
			e.budget = 500 * time.Millisecond
			instance.Unlock()
		}
		workers.Wait()
		slices.Sort(want)
		slices.Sort(bad)
		if got := f.stored(t, "kata-"); !slices.Equal(got, want) {
			t.Errorf("round %d: %d stored, want %d", round, len(got), len(want))
		}
		if got := f.stored(t, "kata-dead-letter"); !slices.Equal(got, bad) {
			t.Errorf("round %d: %d in the dead letter, want %d", round, len(got), len(bad))
		}
		e.Close()
	}
}
