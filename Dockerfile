# One image with all daemons and the tool `openrun`: the programs, the libraries that they load, certificates, and nothing else (no shell).
#
#   docker build -t openrun .     podman build -t openrun .     buildah bud --build-arg BINARIES=compiled -t openrun .
#
# (Debian 12's buildah does not see that a stage is needed where only the default of an argument names it.)
#
# k8s/images.sh builds it together with the development images of Kafka and PostgreSQL, and can take programs that are built already:
# BINARIES=given takes them from the folder bin/ of the context. They must have been built on Debian 12.
ARG BINARIES=compiled

FROM debian:bookworm-slim AS compiled
COPY tools/dev/packages.txt /packages.txt
# What `./dev up` installs to build, without the servers and their tools.
RUN apt-get update && awk '!/^#/ && $2 == "up" && $1 !~ /^(haproxy|kcat|maven|openjdk|postgresql|ccache|curl$)/ {print $1}' /packages.txt | \
      DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends
COPY . /source
WORKDIR /source
RUN cmake --preset release && ninja -C build/release openrun-gateway openrun-issuer openrun-relay openrun-reconciler openrun
# Only what knows the version is compiled anew for another one.
ARG VERSION=dev
RUN cmake --preset release -DOPENRUN_VERSION="$VERSION" && \
    ninja -C build/release openrun-gateway openrun-issuer openrun-relay openrun-reconciler openrun && \
    mkdir -p /binaries/bin && cp build/release/bin/openrun build/release/bin/openrun-gateway build/release/bin/openrun-issuer \
      build/release/bin/openrun-relay build/release/bin/openrun-reconciler /binaries/bin/ && strip /binaries/bin/*

FROM scratch AS given
COPY bin /binaries/bin

FROM ${BINARIES} AS binaries

FROM debian:bookworm-slim AS collected
COPY k8s/images/runtime-packages.txt /runtime-packages.txt
RUN apt-get update && grep -v '^#' /runtime-packages.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends
COPY --from=binaries /binaries/bin /usr/bin
COPY k8s/images/collect.sh /collect.sh
ARG VERSION=dev
RUN bash /collect.sh /image "$VERSION"

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
COPY --from=collected /image /
LABEL org.opencontainers.image.title="openrun" \
      org.opencontainers.image.description="Exact first-come-first-served coupon issuance on Kafka and PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="debian:bookworm-slim"
USER 65532:65532
ENV OPENRUN_CONFIG=/etc/openrun/openrun.yaml
CMD ["/usr/bin/openrun", "--help"]
