# fluent-bit-kata: the targets a user or developer needs. `make help` lists them.

GO       ?= go
CC       ?= cc
DIST     := dist
LIBS     := $(addprefix $(DIST)/,$(shell awk '!/^\#/ { print $$2 }' build/libraries))
CLI      := $(DIST)/kata-logs
HOST     := build/out/host
# -s -w: symbols and debug data, 1.4 MB, are of no use to a user; make build STRIP= keeps them.
STRIP    ?= -s -w
# -buildid=: all else that -trimpath leaves is the same in every directory; Go's build ID is not,
# since the path of exports.tbd is part of what it is made from.
LDFLAGS  := $(STRIP) -buildid=
# -buildvcs=false: the same from a release's archive, an image's context or a clone.
BUILD    := $(GO) build -trimpath -buildvcs=false
GOFILES  := $(shell find . -name '*.go' -not -path './dist/*')
ASMFILES := $(shell find . -name '*.s' -not -path './dist/*')
CFILES   := $(wildcard internal/fluentbit/*.[ch] plugin/*/*.[ch] plugin/*/*.tbd)

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-13s %s\n", $$1, $$2}'

.PHONY: build
build: $(LIBS) $(CLI) ## make the libraries and kata-logs in dist
	@for lib in $(LIBS); do printf '%s: %s bytes, needs glibc %s or newer\n' $$lib "$$(stat -L -c %s $$lib)" "$$(build/glibc-floor $$lib)"; done

# The package that a library is built from.
PLUGIN    = $(shell awk '$$2 == "$(@F)" { print $$1 }' build/libraries)

$(LIBS): $(GOFILES) $(ASMFILES) $(CFILES) go.mod go.sum Makefile build/libraries
	@mkdir -p $(DIST)
	CGO_ENABLED=1 $(BUILD) -buildmode=c-shared -ldflags='$(LDFLAGS)' -o $@ ./plugin/$(PLUGIN)
	@rm -f $(@:.so=.h)

# Without C, and so static: it runs on any Linux.
$(CLI): $(GOFILES) $(ASMFILES) go.mod go.sum VERSION Makefile
	@mkdir -p $(DIST)
	CGO_ENABLED=0 $(BUILD) -ldflags='$(LDFLAGS) -X main.version=$(shell cat VERSION)' -o $@ ./cmd/kata-logs

.PHONY: reproducible
reproducible: build ## whether a build in another directory gives the same bytes
	@build/reproducible

# Without C and assembly, and as on a processor without AVX2, too.
.PHONY: test
test: ## all tests that need no Fluent Bit, and no root
	$(GO) vet ./...
	$(GO) test ./...
	CGO_ENABLED=0 $(GO) test -tags purego ./parser/... ./journal ./internal/collect ./internal/contract ./internal/event ./internal/journalfields ./internal/logs/... ./internal/options ./internal/pods ./internal/transform ./cmd/...
	$(GO) test -exec 'env GODEBUG=cpu.avx2=off' ./parser/... ./internal/transform
	cd build/interop && $(GO) vet ./... && $(GO) test ./...

# Not internal/host: what it tests are libraries, built without the detector.
.PHONY: race
race: ## the tests under the race detector
	$(GO) test -race ./cmd/... ./parser/... ./journal $$($(GO) list ./internal/... | grep -v /internal/host)

# Otherwise golangci-lint refuses to run while another run goes on, of any checkout.
GOLANGCI := golangci-lint run --allow-parallel-runners

.PHONY: lint
lint: ## gofmt, go vet and golangci-lint (if it is installed)
	@test -z "$$(gofmt -l $(GOFILES))" || { gofmt -l $(GOFILES); echo 'not formatted: run gofmt -w'; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e ./build/e2e
	$(GO) vet -tags integration ./build/integration/...
	$(GO) vet -tags dist ./build/dist
	$(GO) vet -tags katatest ./plugin/... ./internal/fluentbit
	cd build/interop && $(GO) vet ./...
	cd build/manifests && $(GO) vet ./...
	@if ! command -v golangci-lint >/dev/null; then echo 'golangci-lint is not installed: skipped'; else \
		set -e; $(GOLANGCI) ./...; \
		$(GOLANGCI) --build-tags e2e ./build/e2e/...; \
		$(GOLANGCI) --build-tags integration ./build/integration/...; \
		$(GOLANGCI) --build-tags dist ./build/dist/...; \
		$(GOLANGCI) --build-tags katatest ./plugin/... ./internal/fluentbit/...; \
		for module in build/bench build/interop build/manifests; do (cd $$module && $(GOLANGCI) ./...); done; fi

.PHONY: vuln
vuln: ## known vulnerabilities in what the libraries are built from; needs govulncheck and its database
	@build/vuln

.PHONY: bench
bench: ## the decoder and the whole filter beside their peers; see build/bench
	cd build/bench && $(GO) test -run '^$$' -bench . -benchmem .

.PHONY: gate
gate: ## fails when the decoder or the filter became slower beside its peers, or allocates
	cd build/bench && $(GO) test -count=1 ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s)
	build/fuzz $(or $(FUZZTIME),20s)

.PHONY: demo
demo: $(DIST)/flb-filter_kata.so $(HOST) ## the record of Kata's how-to, before and after the filter
	@build/demo $(HOST) $(DIST)

$(HOST): $(wildcard internal/host/src/*.c internal/host/src/*.h)
	@mkdir -p $(dir $@)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -rdynamic -o $@ internal/host/src/*.c -ldl -lpthread -lm

.PHONY: e2e
e2e: ## against a real Fluent Bit: FLUENT_BIT=/path/to/fluent-bit make e2e
	FLUENT_BIT='$(FLUENT_BIT)' $(GO) test -tags e2e -count=1 -timeout 20m ./build/e2e

# CASES is a pattern of cases, with - for a blank, SERVERS a list of servers with commas.
.PHONY: integration
integration: ## the output on real servers, with faults; through FLUENT_BIT if it is set. CASES=normal SERVERS=opensearch
	FLUENT_BIT='$(FLUENT_BIT)' $(GO) test -tags integration -count=1 -timeout 90m -v ./build/integration \
		-run 'TestDelivery/./($(CASES))' -servers '$(SERVERS)'

.PHONY: guide
guide: ## the trial in docs/migration.md and the dashboards, on real servers. Needs FLUENT_BIT. SERVERS=opensearch
	FLUENT_BIT='$(FLUENT_BIT)' $(GO) test -tags integration -count=1 -timeout 30m -v ./build/integration \
		-run 'TestGuide|TestDashboards' -servers '$(SERVERS)'

.PHONY: integration-compare
integration-compare: ## the same, more records, and Fluent Bit's es; writes the tables of docs/delivery.md. Needs FLUENT_BIT
	FLUENT_BIT='$(FLUENT_BIT)' $(GO) test -tags integration -count=1 -timeout 5h -v ./build/integration \
		-run 'TestDelivery|TestVolume|TestCost' -servers '$(SERVERS)' -compare -write

.PHONY: soak
soak: ## both libraries in one Fluent Bit, with faults, for SOAK (10m): nothing is lost, nothing grows. Needs FLUENT_BIT
	FLUENT_BIT='$(FLUENT_BIT)' $(GO) test -tags integration -count=1 -timeout 0 -v ./build/integration -run TestSoak -soak $(or $(SOAK),10m)

.PHONY: dist
dist: ## the files of a release in dist/release, for the processors in ARCHES or for all
	build/dist/make $(ARCHES)

.PHONY: dist-check
dist-check: ## tests what make dist has made: loads, installs, removes
	$(GO) test -tags dist -count=1 -v ./build/dist

.PHONY: manifests
manifests: ## tests deploy and the compose file; with FLUENT_BIT its --dry-run too
	cd build/manifests && FLUENT_BIT='$(FLUENT_BIT)' $(GO) test -count=1 ./...

.PHONY: big-endian
big-endian: ## the tests of all that reads or writes binary data on s390x, under qemu-user
	GOARCH=s390x CGO_ENABLED=0 $(GO) test -count=1 -timeout 60m -exec qemu-s390x ./parser/... ./journal ./internal/event ./internal/transform ./internal/pods ./internal/elastic

.PHONY: image
image: ## the container image (needs docker)
	docker build -t fluent-bit-kata .

.PHONY: images
images: ## all three images, by buildah, and what is in them (needs root). KATA_IMAGE_ARCH=arm64
	FLUENT_BIT='$(FLUENT_BIT)' build/image/build

# What takes hours, by hand, before a release: the fuzz targets for FUZZTIME each, a
# build that shares nothing with the first, the end-to-end tests, 200 reloads among
# them, with each of FLUENT_BITS, all cases of delivery to both servers, through the
# stand-in and the first of FLUENT_BITS, both libraries in one Fluent Bit for SOAK (an
# hour), the files of a release, made twice, and ten million records through the first
# of FLUENT_BITS.
# The last writes the tables of build/bench/README.md anew: look at how they changed.
.PHONY: release-check
release-check: ## what takes hours: FLUENT_BITS='/a/fluent-bit /b/fluent-bit' make release-check
	@test -n '$(FLUENT_BITS)' || { echo 'FLUENT_BITS names no Fluent Bit'; exit 2; }
	@command -v govulncheck || { echo 'govulncheck is not installed'; exit 2; }
	$(MAKE) vuln build
	cache=$$(mktemp -d) && { GOCACHE=$$cache build/reproducible; status=$$?; rm -rf $$cache; exit $$status; }
	build/fuzz $(or $(FUZZTIME),5m)
	build/dist/reproducible
	KATA_LOGS_SHOTS=$(CURDIR)/build/out/timeline $(GO) test -count=1 -v -run TestBrowser ./cmd/kata-logs
	$(MAKE) big-endian dist dist-check
	$(MAKE) manifests images FLUENT_BIT='$(firstword $(FLUENT_BITS))'
	set -e; for fluent_bit in $(FLUENT_BITS); do $(MAKE) e2e FLUENT_BIT=$$fluent_bit; done
	$(MAKE) integration FLUENT_BIT=
	$(MAKE) integration guide FLUENT_BIT='$(firstword $(FLUENT_BITS))'
	$(MAKE) soak FLUENT_BIT='$(firstword $(FLUENT_BITS))' SOAK=$(or $(SOAK),1h)
	cd build/bench && FLUENT_BIT='$(firstword $(FLUENT_BITS))' $(GO) run ./run -only memory,soak

.PHONY: clean
clean: ## remove what was built
	rm -rf $(DIST) build/out
