# Fluent Bit's official image with the libraries and a ready configuration in it.
#
#	docker build -t fluent-bit-kata .
#	docker run -v /var/log/journal:/var/log/journal:ro fluent-bit-kata
#
# A build is for the platform it runs on, and with buildx for each of
# --platform linux/amd64,linux/arm64 (emulated where there is no such node): the
# libraries need a C compiler for their platform, and both base images are there
# for both.

ARG GO_IMAGE=golang:1.26-bookworm
ARG FLUENT_BIT_IMAGE=fluent/fluent-bit:4.2

# Built on Debian 12, the libraries ask for no newer glibc than the images of
# Fluent Bit 3.2 have, which are Debian 12 too; newer ones are Debian 13.
FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ENV CGO_ENABLED=1
RUN go build -buildmode=c-shared -trimpath -ldflags="-s -w -buildid=" -o /image/lib/flb-filter_kata.so ./plugin/filter \
    && go build -buildmode=c-shared -trimpath -ldflags="-s -w -buildid=" -o /image/lib/kata.so ./plugin/output \
    && rm /image/lib/*.h \
    && mkdir /image/state

# There is no shell in here: nothing can be RUN, and the entry point, which is
# Fluent Bit with /fluent-bit/etc/fluent-bit.conf, stays as it is.
FROM ${FLUENT_BIT_IMAGE}
COPY --from=build /image/ /fluent-bit/
COPY build/image/fluent-bit.conf build/image/plugins.conf /fluent-bit/etc/

# KATA_JOURNAL: /run/log/journal where the host's journal is volatile.
# KATA_STATE: where it has got to in the journal; mount a volume to keep that.
# KATA_OUTPUT: es, opensearch, forward; anything else is standard output.
# KATA_OUTPUT_PORT: empty is the usual port of the output.
# KATA_OUTPUT_USER, KATA_OUTPUT_PASSWORD: not here, a secret has no place in an image.
ENV KATA_JOURNAL=/var/log/journal \
    KATA_STATE=/fluent-bit/state \
    KATA_OUTPUT=stdout \
    KATA_OUTPUT_HOST=127.0.0.1 \
    KATA_OUTPUT_PORT= \
    KATA_OUTPUT_TLS=off

LABEL org.opencontainers.image.title="Fluent Bit for Kata Containers" \
      org.opencontainers.image.description="Fluent Bit with the plugin kata, which parses the log records of Kata Containers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/kata-logs/fluent-bit-kata"
