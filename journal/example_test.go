package journal_test

import (
	"fmt"
	"log"

	"github.com/kata-logs/fluent-bit-kata/journal"
)

func Example() {
	r, err := journal.Open([]string{"../testdata/journal/compact-keyed-lz4.journal"}, journal.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	r.Match("SYSLOG_IDENTIFIER", "kata")
	r.Match("PRIORITY", "3")
	r.Match("PRIORITY", "4")
	for r.Next() {
		e := r.Entry()
		message, _ := e.Field("MESSAGE")
		fmt.Printf("%d %s\n", e.Seqnum, message)
	}
	// Output:
	// 6 entry 5 of 3
	// 8 entry 7 of 3
	// 13 entry 12 of 3
	// 17 entry 16 of 3
}

// A program that was ended goes on behind the entry that it read last.
func ExampleReader_SeekAfterCursor() {
	const path = "../testdata/journal/compact-keyed-lz4.journal"
	r, err := journal.Open([]string{path}, journal.Options{})
	if err != nil {
		log.Fatal(err)
	}
	r.Next()
	cursor := r.Entry().Cursor()
	r.Close()

	r, err = journal.Open([]string{path}, journal.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if err := r.SeekAfterCursor(cursor); err != nil {
		log.Fatal(err)
	}
	if r.Next() {
		for _, f := range r.Entry().Fields() {
			fmt.Printf("%s=%s\n", f.Name, f.Value)
		}
	}
	// Output:
	// _HOSTNAME=node
	// PRIORITY=7
	// SYSLOG_IDENTIFIER=kubelet
	// MESSAGE=entry 1 of 3
	// _BOOT_ID=b0030100000000000000000000000000
}
