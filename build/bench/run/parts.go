package main

import (
	"fmt"
	"os"

	"github.com/kata-logs/fluent-bit-kata/build/bench/fluentbit"
	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/page"
)

var parts = []part{
	{"suite", runSuite},
	{"fluentbit", withFluentBit(compare)},
	{"inputs", withFluentBit(inputs)},
	{"threads", withFluentBit(threads)},
	{"memory", memory},
	{"soak", withFluentBit(soak)},
}

// How many records Fluent Bit reads in one run.
const (
	journalRecords = 200_000
	soakRecords    = 10_000_000
	flbRounds      = 30 // at most: a round of all pipelines takes half a minute
)

// withFluentBit skips a part if FLUENT_BIT is not set.
func withFluentBit(run func(b *fluentbit.Bench, program, head string, rounds int) error) func(rounds int) error {
	return func(rounds int) error {
		program := os.Getenv("FLUENT_BIT")
		if program == "" {
			fmt.Fprintln(os.Stderr, "FLUENT_BIT names no Fluent Bit: the tables of it stay as they are")
			return nil
		}
		version, err := fluentbit.Version(program)
		if err != nil {
			return err
		}
		b, err := fluentbit.New()
		if err != nil {
			return err
		}
		defer b.Close()
		return run(b, program, fmt.Sprintf("%s, %s", version, page.Machine()), min(rounds, flbRounds))
	}
}

func compare(b *fluentbit.Bench, program, head string, rounds int) error {
	table, err := b.Compare(program, journalRecords, rounds)
	if err != nil {
		return err
	}
	return page.Section(readme, "fluentbit", fmt.Sprintf("%s. %d records, %d rounds.\n\n%s", head, journalRecords, rounds, table))
}

func inputs(b *fluentbit.Bench, program, head string, rounds int) error {
	rounds = min(rounds, 5) // one takes three minutes
	table, err := b.Inputs(program, journalRecords, rounds)
	if err != nil {
		return err
	}
	return page.Section(readme, "inputs", fmt.Sprintf("%s. %d records, %d rounds.\n\n%s", head, journalRecords, rounds, table))
}

func threads(b *fluentbit.Bench, program, head string, rounds int) error {
	table, err := b.Threads(program, journalRecords, rounds)
	if err != nil {
		return err
	}
	return page.Section(readme, "threads", fmt.Sprintf("%s. %d records an input, %d rounds.\n\n%s", head, journalRecords, rounds, table))
}

// memory needs no Fluent Bit.
func memory(int) error {
	b, err := fluentbit.New()
	if err != nil {
		return err
	}
	defer b.Close()
	table, err := b.SoakStandIn(soakRecords)
	if err != nil {
		return err
	}
	return page.Section(readme, "memory", fmt.Sprintf("%s. %d records of the mixed chunk.\n\n%s", page.Machine(), soakRecords, table))
}

func soak(b *fluentbit.Bench, program, head string, _ int) error {
	table, err := b.Soak(program, soakRecords)
	if err != nil {
		return err
	}
	return page.Section(readme, "soak", fmt.Sprintf("%s. %d records of all kinds.\n\n%s", head, soakRecords, table))
}
