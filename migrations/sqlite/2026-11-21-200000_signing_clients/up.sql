-- Clients that sign their requests, their public keys, and the nonces that they have used.

CREATE TABLE api_clients (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What the client sends as `Api-Id`.
    api_id      TEXT NOT NULL,
    name        TEXT,
    allows_sha1 BOOLEAN NOT NULL,
    is_enabled  BOOLEAN NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_clients_api_id ON api_clients (api_id);

-- Several at a time while they are rotated.
CREATE TABLE api_client_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id  BIGINT NOT NULL REFERENCES api_clients (id),
    -- SubjectPublicKeyInfo, DER (RFC 5280 section 4.1).
    public_key BLOB NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_client_keys_by_client ON api_client_keys (client_id, id);

CREATE TABLE api_nonces (
    client_id BIGINT NOT NULL,
    nonce     TEXT NOT NULL,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (client_id, nonce)
) WITHOUT ROWID;
CREATE INDEX api_nonces_by_age ON api_nonces (seen_at);
