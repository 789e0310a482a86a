package logs

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// clocks collects what the first pass over an input tells of the clocks by which its records were
// written: that of a host, and that of who received the records, such as a syslog server.
type clocks struct {
	view      *record.Record // of all inputs, which are read one after the other
	hosts     []*hostClock
	last      *hostClock           // of the record before
	lastNano  int64                // its time
	changes   map[[2]int]*change   // from one host, by index, to another
	sandboxes map[string]*[2]int64 // the first and last time of each
}

// hostClock compares the times that a host has written with those at which they were received.
type hostClock struct {
	name   string
	number int
	n      int
	// ahead is the most that the time of a record was after that at which it was received: since no
	// record is received before it is written, the host's clock is so far ahead, or behind if it is
	// negative, less the shortest delay. whole says that the times of receipt have no fraction.
	ahead int64
	whole bool
}

// change has the records of one host that come directly behind one of another in the same input.
type change struct {
	n     int
	least int64 // the least that the second was after the first
}

const (
	maxHosts     = 64   // in an input
	maxOfClocks  = 1024 // sandboxes in an input
	maxCompared  = 64   // inputs whose sandboxes are compared
	minSkew      = int64(100 * time.Millisecond)
	maxOfYear    = int64(30 * 24 * time.Hour) // beyond it the year of a time without one is wrong
	minOfChanges = 5                          // records from which a difference is believed
)

// host returns the clock of a host, nil if there are too many.
func (c *clocks) host(name []byte) *hostClock {
	if c.last != nil && c.last.name == string(name) {
		return c.last
	}
	for _, h := range c.hosts {
		if h.name == string(name) {
			return h
		}
	}
	if len(c.hosts) == maxHosts {
		return nil
	}
	h := &hostClock{name: string(name), number: len(c.hosts), ahead: math.MinInt64, whole: true}
	c.hosts = append(c.hosts, h)
	return h
}

// time takes a record in the order of the input: the event as it was read, and the time that its
// message has.
func (c *clocks) time(event []byte, nano int64) {
	if !c.view.Read(event) {
		return
	}
	h := c.host(c.view.Text("_HOSTNAME"))
	if h == nil {
		return
	}
	if c.view.Flags&record.NoTime == 0 && c.view.Nano > 0 {
		h.n++
		h.ahead = max(h.ahead, nano-c.view.Nano)
		h.whole = h.whole && c.view.Nano%1e9 == 0
	}
	if c.last != nil && c.last != h {
		key := [2]int{c.last.number, h.number}
		if c.changes == nil {
			c.changes = map[[2]int]*change{}
		}
		d := c.changes[key]
		if d == nil {
			d = &change{least: math.MaxInt64}
			c.changes[key] = d
		}
		d.n++
		d.least = min(d.least, nano-c.lastNano)
	}
	c.last, c.lastNano = h, nano
}

// sandbox takes when a sandbox has a record.
func (c *clocks) sandbox(id []byte, nano int64) {
	if s := c.sandboxes[string(id)]; s != nil {
		s[0], s[1] = min(s[0], nano), max(s[1], nano)
		return
	}
	if len(c.sandboxes) == maxOfClocks {
		return
	}
	if c.sandboxes == nil {
		c.sandboxes = map[string]*[2]int64{}
	}
	c.sandboxes[string(id)] = &[2]int64{nano, nano}
}

// Skew returns what the first pass has found out about clocks that differ, one sentence each. It needs
// Config.Clocks.
func (l *Logs) Skew() (list []string) {
	for _, in := range l.Inputs {
		c := &in.clocks
		for _, h := range c.hosts {
			if d, ok := h.skew(); ok {
				list = append(list, fmt.Sprintf("%s: the clock of %s is about %s the one by which its records were received", in.Name, h.label(), aheadOf(d)))
			}
		}
		for key, there := range c.changes {
			back := c.changes[[2]int{key[1], key[0]}]
			if key[0] > key[1] || back == nil || min(there.n, back.n) < minOfChanges {
				continue
			}
			// Both would be about 0 if the clocks agreed, since records follow each other.
			if d := (there.least - back.least) / 2; d <= -minSkew || d >= minSkew {
				list = append(list, fmt.Sprintf("%s: the clock of %s is about %s that of %s, by the order of their records", in.Name, c.hosts[key[1]].label(), aheadOf(d), c.hosts[key[0]].label()))
			}
		}
	}
	compared := l.Inputs[:min(len(l.Inputs), maxCompared)]
	for i, a := range compared {
		for _, b := range compared[i+1:] {
			if s := apart(a, b); s != "" {
				list = append(list, s)
			}
		}
	}
	slices.Sort(list)
	return list
}

// skew returns how far the host's clock is ahead of the one of receipt, if that can be told.
func (h *hostClock) skew() (int64, bool) {
	switch {
	case h.n < minOfChanges, h.whole && (h.ahead > maxOfYear || h.ahead < -maxOfYear):
		return 0, false
	case h.whole && h.ahead >= 0: // it was received some time within the second
		return h.ahead - 1e9, h.ahead-1e9 >= minSkew
	}
	return h.ahead, h.ahead <= -minSkew || h.ahead >= minSkew
}

func (h *hostClock) label() string {
	if h.name == "" {
		return "who wrote it"
	}
	return h.name
}

func aheadOf(d int64) string {
	if d < 0 {
		return time.Duration(-d).Round(time.Millisecond).String() + " behind"
	}
	return time.Duration(d).Round(time.Millisecond).String() + " ahead of"
}

// apart says if the records of the sandboxes that two inputs have in common are at different times.
func apart(a, b *Input) string {
	var gaps []int64
	both := 0
	for id, s := range a.clocks.sandboxes {
		o := b.clocks.sandboxes[id]
		if o == nil {
			continue
		}
		both++
		switch {
		case o[0] > s[1]:
			gaps = append(gaps, o[0]-s[1])
		case o[1] < s[0]:
			gaps = append(gaps, o[1]-s[0])
		}
	}
	if both == 0 || 2*len(gaps) <= both {
		return ""
	}
	slices.SortFunc(gaps, cmp.Compare)
	middle := gaps[len(gaps)/2]
	if middle > -minSkew && middle < minSkew {
		return ""
	}
	return fmt.Sprintf("%s: of %d sandboxes that %s has, too, %d have their records at another time, by about %s or more: a clock, or a time zone (see --input-zone)",
		b.Name, both, a.Name, len(gaps), time.Duration(max(middle, -middle)).Round(time.Millisecond))
}
