// Command run measures everything and writes README.md and decoders.svg. It is run in
// build/bench:
//
//	go run ./run                                        # the Go suite, the memory
//	FLUENT_BIT=/path/to/fluent-bit go run ./run         # and Fluent Bit
//	go run ./run -only suite -rounds 5                  # a part, quickly
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// readme is the file with the results.
const readme = "README.md"

// part is a part of the measurements, which writes sections of README.md.
type part struct {
	name string
	run  func(rounds int) error
}

func main() {
	rounds := flag.Int("rounds", 20, "how often everything is measured")
	only := flag.String("only", "", "measure only these parts, comma separated: "+strings.Join(names(), ", "))
	flag.Parse()
	for _, p := range parts {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), p.name) {
			continue
		}
		if err := p.run(*rounds); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", p.name, err)
			os.Exit(1)
		}
	}
}

func names() (all []string) {
	for _, p := range parts {
		all = append(all, p.name)
	}
	return all
}
