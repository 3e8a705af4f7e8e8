# Build with BuildKit (the default of current Docker): the caches below keep a second build short.
# `deploy/without-docker` does the same steps where there is no container engine, and tells the size.

FROM rust:1.95-bookworm AS build
# OpenSSL, which libpq needs, is built from source.
RUN apt-get update \
    && apt-get install -y --no-install-recommends make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# `.cargo` has SQLite's build flags, `migrations` go into the binary, `vendor` replaces a dependency of a dependency.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY vendor vendor
COPY migrations migrations
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin user-relationships \
    && cp target/release/user-relationships /usr/local/bin/user-relationships \
    && strip /usr/local/bin/user-relationships
RUN mkdir /data

# glibc and certificates, but no shell and no package manager.
FROM gcr.io/distroless/cc-debian12
COPY --from=build /usr/local/bin/user-relationships /usr/local/bin/user-relationships
# A number, so that an orchestrator can see that this is not root.
COPY --from=build --chown=10001:10001 /data /data
USER 10001:10001
WORKDIR /data
VOLUME /data
# The delay gives a load balancer time to see that `/readyz` has turned 503. SSL_CERT_FILE is for `sslrootcert=system` in
# DATABASE_URL: the OpenSSL that is built in does not know where Debian keeps certificates.
ENV LISTEN=0.0.0.0:8080 \
    ADMIN_LISTEN=0.0.0.0:9090 \
    DRAIN_DELAY=5s \
    DATABASE_URL=sqlite:///data/user-relationships.db \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# It asks the address in ADMIN_LISTEN: change that by variable, not by flag.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["user-relationships", "healthcheck", "--ready"]
ENTRYPOINT ["user-relationships"]
