//go:build integration

package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/integration/faults"
	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
)

// testCase is something that happens while records are delivered.
type testCase struct {
	name  string
	kind  recordKind // numbered if it is empty
	count int        // records if it is 0

	// restarts says that Fluent Bit is started again, so that only with storage in files
	// nothing is lost.
	restarts bool
	// fluentBit says that the stand-in cannot do it.
	fluentBit bool
	// seldom says that Fluent Bit's retries come as docs/output.md configures them, not after a
	// second or two.
	seldom bool
	// oursOnly says that only the output kata has what it tests.
	oursOnly bool
	// made says that the index is there before, or is not the run's.
	made bool
	// more says that a delivery that is right sends more than 1.1 times the bytes, apart from
	// requests that the proxy fails: a server that dies has not confirmed what was on its way.
	more bool

	// play has the process deliver while it happens. Afterwards no process runs.
	play func(r *run)
	// check has further expectations of the output kata's result, and may be nil.
	check func(r *run, res result)
}

// every is which requests fail in cases where some do.
const every = 20

var cases = []testCase{
	{name: "normal", play: (*run).deliver, check: func(r *run, res result) {
		if res.dead != 0 {
			r.Errorf("%d dead letters, want none", res.dead)
		}
	}},
	{name: "burst", count: burst, play: (*run).deliver},
	{name: "identical records", kind: identical, play: (*run).deliver},
	{name: "records of all programs", kind: mixed, play: (*run).deliver},
	{name: "server killed", more: true, play: func(r *run) {
		r.start()
		r.bulk(5)
		r.server.Kill()
		if err := r.server.Start(context.Background(), nil); err != nil {
			r.Fatal(err)
		}
		r.settle()
		r.stop()
	}},
	{name: "response cut", play: planned(faults.Every(every, faults.Cut))},
	{name: "reset after processing", play: planned(faults.Every(every, faults.Reset))},
	{name: "429 for some items", play: planned(faults.Every(3, faults.RejectSome))},
	{name: "429 for whole requests", play: planned(faults.Every(every, faults.RejectAll))},
	{name: "503 for whole requests", play: planned(faults.Every(every, faults.Unavailable))},
	{name: "mapping conflict", kind: conflicting, made: true, play: func(r *run) {
		r.create(map[string]any{"mappings": map[string]any{"properties": map[string]any{"CONFLICT": map[string]string{"type": "long"}}}})
		r.deliver()
	}, check: func(r *run, res result) {
		if want := r.count / 100; res.dead != want {
			r.Errorf("%d dead letters, want %d", res.dead, want)
		}
		reasons := 0
		if err := r.server.Documents(r.dead(), nil, func(source []byte) {
			if strings.Contains(string(source), "CONFLICT") && strings.Contains(string(source), "failed to parse field") {
				reasons++
			}
		}); err != nil || reasons != res.dead {
			r.Errorf("%d of %d dead letters have the server's reason, %v", reasons, res.dead, err)
		}
	}},
	{name: "flood stage", made: true, play: func(r *run) {
		r.create(nil)
		r.block(true)
		r.start()
		r.bulk(6)
		r.block(false)
		r.settle()
		r.stop()
	}, more: true},
	{name: "full queue", play: fullQueue, more: true},
	{name: "no server at first", play: func(r *run) {
		r.proxy.SetDown(true)
		r.start()
		time.Sleep(8 * time.Second) // several attempts fail
		r.proxy.SetDown(false)
		r.settle()
		r.stop()
	}},
	{name: "outage of a minute", restarts: true, fluentBit: true, oursOnly: true, seldom: true, play: func(r *run) {
		r.start()
		r.bulk(5)
		r.proxy.SetDown(true)
		time.Sleep(time.Minute)
		r.proxy.SetDown(false)
		r.settle()
		r.stop()
	}, more: true},
	{name: "SIGTERM in an outage", restarts: true, play: func(r *run) {
		r.start()
		r.bulk(5)
		r.proxy.SetDown(true)
		time.Sleep(2 * time.Second) // deliveries fail
		r.stop()
		r.proxy.SetDown(false)
		pace := r.pace
		r.deliver()
		r.pace = pace
	}, check: endsInTime, more: true},
	{name: "no response and SIGTERM", restarts: true, play: func(r *run) {
		r.proxy.SetPlan(faults.Always(faults.Hang))
		r.more = []pair{{"timeout", "10s"}} // the default
		r.start()
		r.bulk(1)
		r.stop()
		r.proxy.SetPlan(faults.Always(faults.Pass))
		pace := r.pace
		r.deliver()
		r.pace = pace
	}, check: endsInTime, more: true},
	{name: "killed", restarts: true, play: func(r *run) {
		r.start()
		r.bulk(5)
		r.process.kill()
		r.deliver()
	}, more: true},
	{name: "hot reload in an outage", restarts: true, fluentBit: true, play: func(r *run) {
		r.start()
		r.bulk(5)
		r.proxy.SetDown(true)
		time.Sleep(2 * time.Second) // deliveries fail
		r.reload()
		time.Sleep(4 * time.Second)
		r.proxy.SetDown(false)
		// Fluent Bit first waits until all that it has is delivered, however long that takes.
		for end := time.Now().Add(timeout); !r.process.said(`\[reload\] start everything`); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				r.settled = false
				break
			}
		}
		r.settle()
		r.stop()
	}, more: true},
	{name: "wrong password", restarts: true, play: func(r *run) {
		r.wrong = true
		r.start()
		r.wait("a line that says so", func() bool { return len(r.process.problems()) > 0 })
		time.Sleep(3 * time.Second)
		r.stop()
		r.wrong = false
		r.deliver()
	}, more: true, check: says(`401`)},
	{name: "expired certificate", play: expiredCertificate, check: says(`expired`)},
	{name: "upper-case index", play: func(r *run) {
		r.index = "Kata-Upper"
		r.start()
		for end := time.Now().Add(8 * time.Second); time.Now().Before(end) && !r.process.hasEnded(); {
			time.Sleep(50 * time.Millisecond)
		}
		r.refused = r.process.hasEnded()
		r.stop()
		r.index = strings.ToLower(r.index)
	}, check: func(r *run, _ result) {
		if !r.refused || !r.process.said(`index: "Kata-Upper"`) {
			r.Error("it starts, or does not say why not")
		}
	}},
	{name: "one of two servers dies", oursOnly: true, play: func(r *run) {
		second := r.newProxy(nil)
		r.other = second.Addr()
		r.more = []pair{{"url", "http://" + r.other + ",http://" + r.proxy.Addr()}}
		r.start()
		r.wait("bulk requests to the second server", func() bool { return second.Bulks() >= 3 })
		second.SetDown(true)
		r.settle()
		r.stop()
	}, check: func(r *run, res result) { says(regexp.QuoteMeta(r.other))(r, res) }, more: true},
	{name: "gzip", oursOnly: true, play: func(r *run) {
		r.more = []pair{{"compress", "gzip"}}
		r.proxy.SetPlan(faults.Every(3, faults.RejectSome))
		r.deliver()
	}, check: func(r *run, res result) {
		if perRecord := res.bytes / int64(res.sent); perRecord > 500 {
			r.Errorf("%d bytes for each record", perRecord)
		}
	}},
	{name: "data stream", oursOnly: true, made: true, play: func(r *run) {
		r.index = "logs-kata-integration"
		r.more = []pair{{"data_stream", "on"}}
		_ = r.server.Do(http.MethodDelete, "/_data_stream/"+r.index, nil, nil)
		r.Cleanup(func() { _ = r.server.Do(http.MethodDelete, "/_data_stream/"+r.index, nil, nil) })
		r.proxy.SetPlan(faults.Every(every, faults.Reset))
		r.deliver()
	}},
	{name: "lifecycle policy", oursOnly: true, count: 1000, restarts: true, more: true, play: lifecyclePolicy},
}

// planned returns a play with failing requests.
func planned(plan faults.Plan) func(r *run) {
	return func(r *run) {
		r.proxy.SetPlan(plan)
		r.deliver()
	}
}

// endsInTime expects an end within Grace and two seconds of SIGTERM.
func endsInTime(r *run, res result) {
	if limit := (grace + 2) * time.Second; res.stop > limit {
		r.Errorf("it ended %.1f s after SIGTERM, want at most %s", res.stop.Seconds(), limit)
	}
}

// says expects a line of level warn or error of the output that matches.
func says(expression string) func(r *run, res result) {
	return func(r *run, _ result) {
		for _, p := range r.processes {
			if p.said(`\[ ?(warn|error)\] .*\[output:kata:[^]]*\] .*` + expression) {
				return
			}
		}
		r.Errorf("no line of the output says %s", expression)
	}
}

// checkMapping expects that the index was made from the plugin's template: without it a guest's
// text decides which type a field has.
func (r *run) checkMapping() {
	r.Helper()
	var indexes map[string]struct {
		Mappings struct{ Dynamic any }
	}
	if err := r.server.Do(http.MethodGet, "/"+r.index+"/_mapping", nil, &indexes); err != nil {
		r.Fatal(err)
	}
	if dynamic := fmt.Sprint(indexes[r.index].Mappings.Dynamic); dynamic != "false" {
		r.Errorf("the index was not made from the template: dynamic is %s", dynamic)
	}
}

// block begins or ends what a server does to an index when its disk is full.
func (r *run) block(on bool) {
	r.Helper()
	if err := r.server.Do(http.MethodPut, "/"+r.index+"/_settings", map[string]any{"index.blocks.read_only_allow_delete": on}, nil); err != nil {
		r.Fatal(err)
	}
}

// fullQueue has others keep the server's queue of writes full for a while. Its length is a
// setting that only a start can change.
func fullQueue(r *run) {
	restart := func(settings map[string]string) {
		r.server.Stop()
		if err := r.server.Start(context.Background(), settings); err != nil {
			r.Fatal(err)
		}
	}
	restart(map[string]string{"thread_pool.write.size": "1", "thread_pool.write.queue_size": "1"})
	other := r.index + "-other"
	body := strings.Repeat("{\"create\":{}}\n{\"text\":\"other\"}\n", 2000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var others sync.WaitGroup
	for range 6 {
		others.Go(func() {
			for ctx.Err() == nil {
				_ = r.server.DoContext(ctx, http.MethodPost, "/"+other+"/_bulk", body, nil)
			}
		})
	}
	r.start()
	r.wait("a rejected request", func() bool { return rejectedWrites(r.server) > 0 && r.proxy.Bulks() >= 5 })
	time.Sleep(5 * time.Second)
	cancel()
	others.Wait()
	r.settle()
	r.stop()
	_ = r.server.Do(http.MethodDelete, "/"+other, nil, nil)
	restart(nil)
}

// rejectedWrites returns how many writes the server has rejected because its queue was full.
func rejectedWrites(s *servers.Server) (n int) {
	var stats struct {
		Nodes map[string]struct {
			Pools map[string]struct{ Rejected int } `json:"thread_pool"`
		}
	}
	if s.Do(http.MethodGet, "/_nodes/stats/thread_pool", nil, &stats) != nil {
		return 0
	}
	for _, node := range stats.Nodes {
		n += node.Pools["write"].Rejected
	}
	return n
}

// lifecyclePolicy has the policy made at the first start, left alone at the second one, and
// replaced when the configuration has changed.
func lifecyclePolicy(r *run) {
	stub := r.proxy.StubLifecycle(r.server.Name == "opensearch")
	for _, c := range []struct {
		retention string
		puts      int
	}{{"7d", 1}, {"7d", 1}, {"9d", 2}} {
		r.more = []pair{{"setup", "full"}, {"replicas", "0"}, {"retention", c.retention}}
		// The setup comes before the first records, so the journal is read again.
		if err := os.RemoveAll(filepath.Join(r.dir, "journal.db")); err != nil {
			r.Fatal(err)
		}
		before := r.proxy.Bulks()
		r.start()
		r.bulk(before + 1)
		r.settle()
		r.stop()
		policies := stub.Policies()
		text := fmt.Sprint(policies)
		if stub.Puts() != c.puts || len(policies) != 1 || !strings.Contains(text, `"delete"`) || !strings.Contains(text, `"`+c.retention+`"`) {
			r.Errorf("after %d requests, want %d: %s", stub.Puts(), c.puts, text)
		}
	}
	var settings map[string]struct {
		Settings struct {
			Index struct {
				Replicas string `json:"number_of_replicas"`
			}
		}
	}
	if err := r.server.Do(http.MethodGet, "/"+r.index+"/_settings", nil, &settings); err != nil || settings[r.index].Settings.Index.Replicas != "0" {
		r.Errorf("the index is not made as the template says: %v, %v", settings, err)
	}
}

// expiredCertificate has the server's certificate expired at first.
func expiredCertificate(r *run) {
	authority, err := faults.NewAuthority()
	if err != nil {
		r.Fatal(err)
	}
	expired, err := authority.Certificate(time.Now().Add(-time.Hour))
	if err != nil {
		r.Fatal(err)
	}
	valid, err := authority.Certificate(time.Now().Add(time.Hour))
	if err != nil {
		r.Fatal(err)
	}
	r.proxy = r.newProxy(expired)
	r.url = "https://" + r.proxy.Addr()
	r.more = []pair{{"ca_file", r.write("ca.pem", string(authority.PEM))}}
	r.start()
	r.wait("a line that says so", func() bool { return len(r.process.problems()) > 0 })
	time.Sleep(2 * time.Second)
	if n := r.proxy.Bulks(); n > 0 {
		r.Errorf("%d bulk requests in spite of an expired certificate", n)
	}
	r.proxy.SetCertificate(valid)
	r.settle()
	r.stop()
}

// run runs a case and returns its result.
func (c *testCase) run(t *testing.T, s *servers.Server, o output, storage string) (r *run, res result) {
	t.Helper()
	r = newRun(t, s, c, o, storage)
	c.play(r)
	res = r.result()
	t.Log(res)
	for _, p := range r.processes {
		for _, line := range p.problems()[:min(5, len(p.problems()))] {
			t.Log(line)
		}
	}
	return r, res
}

// verify checks the result of the output kata: nothing is lost, nothing is stored twice.
func (c *testCase) verify(r *run, res result) {
	r.Helper()
	if c.check != nil {
		c.check(r, res)
	}
	if r.refused {
		return
	}
	if !c.made {
		r.checkMapping()
	}
	if res.lost != 0 || res.doubled != 0 || !res.settled {
		r.Errorf("%d lost, %d doubled, settled: %v", res.lost, res.doubled, res.settled)
	}
}

// TestDelivery has the output kata deliver in every case, and checks what it has done. With
// -compare Fluent Bit's own output es does the same behind the filter kata, from the same
// journals to the same server. With -write it writes tables into docs/delivery.md.
func TestDelivery(t *testing.T) {
	if *compare && fluentBit == "" {
		t.Fatal("-compare needs FLUENT_BIT")
	}
	eachServer(t, func(t *testing.T, s *servers.Server) {
		all := &table{head: strings.Split("case|storage|sent|stored|distinct|dead letters|lost|doubled|log lines|bytes|s to the end", "|")}
		beside := newComparison()
		normal := map[string]result{} // of each output, a delivery without a fault
		for i := range cases {
			c := &cases[i]
			t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
				if c.fluentBit && fluentBit == "" {
					t.Skip("it needs FLUENT_BIT")
				}
				storages := []string{filesystem, memory}
				if fluentBit == "" {
					storages = []string{"standin"}
				} else if c.restarts {
					storages = storages[:1]
				}
				for _, storage := range storages {
					t.Run(storage, func(t *testing.T) {
						r, res := c.run(t, s, kata, storage)
						if c.name == "normal" && storage == storages[0] {
							normal[kata.name] = res
						}
						once := normal[kata.name]
						all.rows = append(all.rows, r.row(c, res, once))
						if storage == filesystem {
							beside.add(c, r, res, once)
						}
						c.verify(r, res)
						if res.bytes -= res.failed; !r.refused && once.sent > 0 && !c.more && c.kind == "" && proportion(res, once) > 1.1 {
							t.Errorf("%.2f times the bytes of one delivery, without those that failed by plan", proportion(res, once))
						}
					})
				}
				if !*compare || c.oursOnly {
					return
				}
				for _, o := range []output{es, esBest} {
					t.Run(strings.ReplaceAll(o.name, " ", "-"), func(t *testing.T) {
						r, res := c.run(t, s, o, filesystem)
						if c.name == "normal" {
							normal[o.name] = res
						}
						beside.add(c, r, res, normal[o.name])
					})
				}
			})
			if *write { // what was measured so far, since all of it takes an hour
				section(t, s.Name+" kata", machine(t, fmt.Sprintf("%s %s, %d records (burst: 60,000)", s.Name, s.Version, records))+"\n\n"+all.String())
			}
			if *write && *compare {
				section(t, s.Name+" lost", beside.lost.String())
				section(t, s.Name+" work", beside.work.String())
			}
		}
		t.Logf("What the output kata has delivered:\n%s", all)
		t.Logf("Lost / doubled:\n%s", &beside.lost)
		t.Logf("Log lines of level warn or error, bytes sent in proportion to one delivery:\n%s", &beside.work)
	})
}

// row returns a row of TestDelivery's table.
func (r *run) row(c *testCase, res, once result) []string {
	cells := []string{c.name, r.storage}
	if r.refused {
		return append(cells, "does not start, and says why", "", "", "", "", "", "", "", "")
	}
	for _, n := range []int{res.sent, res.stored, res.distinct, res.dead, res.lost, res.doubled, res.problems} {
		cells = append(cells, fmt.Sprint(n))
	}
	return append(cells, ratio(res, once), fmt.Sprintf("%.1f", res.stop.Seconds()))
}

// TestVolume has the output kata deliver five times as many records in the cases of a fault that
// comes once and after which more than 1.1 times the bytes of one delivery are sent: what is sent
// again does not grow with them. With -write it writes its table into docs/delivery.md.
func TestVolume(t *testing.T) {
	if fluentBit == "" {
		t.Skip("it needs FLUENT_BIT")
	}
	const count = 5 * records
	eachServer(t, func(t *testing.T, s *servers.Server) {
		all := &table{head: []string{"case", "bytes"}}
		once := result{}
		for _, c := range cases {
			switch {
			case c.name == "normal":
			case c.more && !c.seldom && c.name != "full queue" && c.name != "wrong password":
				c.count = count
			default:
				continue
			}
			t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
				r, res := c.run(t, s, kata, filesystem)
				if c.name == "normal" {
					once = res
				} else {
					all.rows = append(all.rows, []string{c.name, ratio(res, once)})
				}
				c.verify(r, res)
			})
			if *write && len(all.rows) > 0 {
				section(t, s.Name+" volume", fmt.Sprintf("%d records.\n\n%s", count, all))
			}
		}
		t.Logf("Bytes in proportion to those of one delivery:\n%s", all)
	})
}

// TestCasesDoc: docs/delivery.md says what happens in each case, and in no other.
func TestCasesDoc(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "delivery.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## The cases\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var said, have []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \|$`).FindAllStringSubmatch(table, -1) {
		if row[1] != "case" {
			said = append(said, strings.Split(row[1], ", ")...)
		}
	}
	for _, c := range cases {
		have = append(have, c.name)
	}
	slices.Sort(said)
	slices.Sort(have)
	if !slices.Equal(said, have) {
		t.Errorf("docs/delivery.md has the cases %q, the tests have %q", said, have)
	}
}
