// Package journal reads the files of systemd-journald, as systemd's "Journal File Format" describes
// them, without libsystemd and without cgo.
//
//	r, err := journal.Open([]string{"/var/log/journal"}, journal.Options{})
//	...
//	defer r.Close()
//	r.Match("SYSLOG_IDENTIFIER", "kata")
//	for r.Follow(ctx) {
//		for _, f := range r.Entry().Fields() {
//			fmt.Printf("%s=%s\n", f.Name, f.Value)
//		}
//	}
//
// A [Reader] reads directories and single files: regular and compact ones, with keyed and unkeyed
// hashes, sealed ones (seals are not verified), with data compressed by zstd, LZ4 or XZ. A file
// with an incompatible flag that is not known is refused with an [IncompatibleError].
//
// # Order and position
//
// The entries of all files come in one order, that of libsystemd; see [Reader.Next]. The position
// is between two entries: [Reader.SeekHead], [Reader.SeekTail], [Reader.SeekRealtime],
// [Reader.SeekMonotonic], [Reader.SeekBoot], [Reader.SeekCursor] and [Reader.SeekAfterCursor] set
// it, and Next and [Reader.Previous] move over the entry behind or before it. Cursors are those of
// libsystemd.
//
// This differs from libsystemd: what is added to a file later is given even if it is older than
// what was given of others, such as that of a machine whose clock is behind, and no entry is
// left out because clocks and sequence numbers disagree. Of a file that appears later, entries are
// left out that are not newer than what was given of the same source of sequence numbers or, if that
// is not known, of the same boot: so journald may copy entries from one file to another.
//
// [Reader.Match] uses the hash tables and the lists of entries of each file. Entries that do not
// match are not read.
//
// # Who owns what, and until when
//
// The [Entry] belongs to the Reader and is valid until the next call of any method of the Reader
// but Entry, Stats and MatchString. So are the slice that [Entry.Fields] returns, and the names and
// values, which refer to the Reader's memory and must not be written to. Whoever keeps one
// longer copies it. A Reader is for one goroutine at a time. In steady state it allocates nothing
// for an entry; data compressed by XZ is the exception.
//
// # Memory and descriptors
//
// Files are read by pread, in blocks of 8 KiB that are kept in a cache of [Options].CacheSize, and
// never mapped: a mapping of a file that is truncated would end the process. At most
// Options.MaxOpenFiles descriptors are open at a time, beside one for inotify. Each file takes
// one or two kilobytes while it is in the journal. An entry takes no more than Options.MaxEntry, one
// field no more than Options.MaxField; what is longer is cut and marked, see [Field]. More than
// 16384 fields of an entry are not given. One compressed field may take 64 MiB more while it is
// decompressed.
//
// # Files that change, and damage
//
// Files may be written, archived, deleted and truncated while they are read. A file that is
// deleted is read to its end if it is open, else it is counted as vanished. [Reader.Wait] and
// [Reader.Follow] wait for changes by inotify, and poll beside it.
//
// Of a damaged file all that is whole is given: an entry is left out only if it is damaged itself,
// and so is a field. If the lists of entries are damaged, entries are found by the objects of the
// file; if the hash tables are, matches are made by comparing fields. [Options].Damaged is told of
// each damaged file once, and [Stats] has counters. Damage within a value is only noticed with
// Options.VerifyHashes, as in libsystemd.
//
// The package writes nothing, logs nothing, and imports nothing but the standard library,
// golang.org/x/sys and three libraries for compression. Before version 1.0.0 its interface may
// change in any minor version.
package journal
