# Three images, each a target:
#
#	docker build -t fluent-bit-kata .                              runtime: Fluent Bit with the libraries and a configuration
#	docker build -t fluent-bit-kata-plugin --target plugin .       the libraries, and a program that copies them into a volume
#	docker build --target artifact --output dist .                 the libraries as files
#
# docs/images.md describes them. For other processors, without emulation:
# docker buildx build --platform linux/amd64,linux/arm64 .
#
# build/image/pin puts digests behind these names before a release.
ARG GO_IMAGE=golang:1.26-bookworm
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
ARG FLUENT_BIT_IMAGE=fluent/fluent-bit:5.1.1

# zig is a C compiler for all processors, with the symbols of an old glibc.
FROM --platform=$BUILDPLATFORM ${PYTHON_IMAGE} AS zig
COPY build/tool.versions /
RUN pip install --no-cache-dir --target /zig "ziglang==$(awk '$1 == "zig" { print $4 }' /tool.versions)"

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
COPY --from=zig /zig/ziglang /usr/local/lib/zig
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETARCH
ENV ZIG=/usr/local/lib/zig/zig
RUN STRIP=1 build/dist/libraries "$TARGETARCH" /out/lib \
    && build/dist/licences "$TARGETARCH" /out/licenses \
    && CGO_ENABLED=0 GOARCH="$TARGETARCH" go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o /out/copy ./build/image/copy \
    && mkdir /out/state

FROM scratch AS artifact
COPY --from=build /out/lib/ /
COPY LICENSE /licenses/LICENSE
COPY --from=build /out/licenses/ /licenses/

# An init container copies the libraries into the volume at /kata; as an image volume it is
# mounted there itself, and the files have the same paths.
FROM scratch AS plugin
COPY --from=build /out/lib/ /out/copy /
COPY LICENSE /licenses/LICENSE
COPY --from=build /out/licenses/ /licenses/
USER 65532:65532
ENTRYPOINT ["/copy"]
CMD ["/kata"]
LABEL org.opencontainers.image.title="Plugin kata for Fluent Bit" \
      org.opencontainers.image.description="The libraries of the plugin kata, which parses the log records of Kata Containers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/kata-logs/fluent-bit-kata"

# There is no shell in here: nothing can be RUN, and the entry point, which is
# Fluent Bit with /fluent-bit/etc/fluent-bit.conf, stays as it is. The platform is the default, but
# old versions of buildah take that of the last stage that names one.
# hadolint ignore=DL3065
FROM --platform=$TARGETPLATFORM ${FLUENT_BIT_IMAGE} AS runtime
COPY --from=build /out/lib/ /fluent-bit/lib/
COPY --from=build /out/state/ /fluent-bit/state/
COPY LICENSE /licenses/LICENSE
COPY --from=build /out/licenses/ /licenses/
COPY build/image/fluent-bit.conf build/image/plugins.conf /fluent-bit/etc/

# docs/images.md has what each means. KATA_OUTPUT_USER and KATA_OUTPUT_PASSWORD are not here:
# a secret has no place in an image.
ENV KATA_JOURNAL= \
    KATA_FILES=/var/log/kata/*.log,/var/log/kata-runtime.log \
    KATA_STATE=/fluent-bit/state \
    KATA_STORAGE_LIMIT=1G \
    KATA_MAX_BATCH=4M \
    KATA_MIN_LEVEL= \
    KATA_SANDBOX_METADATA=off \
    KATA_LOG_LEVEL=info \
    KATA_METRICS_LISTEN=0.0.0.0 \
    KATA_METRICS_PORT=2020 \
    KATA_OUTPUT=stdout \
    KATA_OUTPUT_HOST=127.0.0.1 \
    KATA_OUTPUT_PORT= \
    KATA_OUTPUT_TLS=off \
    KATA_OUTPUT_TLS_VERIFY=on

LABEL org.opencontainers.image.title="Fluent Bit for Kata Containers" \
      org.opencontainers.image.description="Fluent Bit with the plugin kata, which parses the log records of Kata Containers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/kata-logs/fluent-bit-kata"
