# Build with BuildKit (the default of current Docker): the caches below make later builds short.
# `deploy/without-docker` runs the same steps without a container engine and reports the size.

FROM rust:1.95-bookworm AS build
# libpq needs OpenSSL, which is built from source.
RUN apt-get update \
    && apt-get install -y --no-install-recommends make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# `.cargo` has SQLite's build flags, the binary embeds `migrations`, `vendor` replaces an indirect dependency.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY vendor vendor
COPY migrations migrations
COPY docs docs
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
# A numeric user, so that an orchestrator can verify that it is not root.
COPY --from=build --chown=10001:10001 /data /data
USER 10001:10001
WORKDIR /data
VOLUME /data
# DRAIN_DELAY gives a load balancer time to see the 503 of `/readyz`. SSL_CERT_FILE is for `sslrootcert=system` in
# DATABASE_URL: the built-in OpenSSL does not know where Debian stores certificates.
ENV LISTEN=0.0.0.0:8080 \
    ADMIN_LISTEN=0.0.0.0:9090 \
    DRAIN_DELAY=5s \
    DATABASE_URL=sqlite:///data/user-relationships.db \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# It uses the address in ADMIN_LISTEN: change that with the variable, not with a flag.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["user-relationships", "healthcheck", "--ready"]
ENTRYPOINT ["user-relationships"]
CMD ["serve"]
