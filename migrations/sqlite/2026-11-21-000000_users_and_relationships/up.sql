-- Times are microseconds since 1970-01-01T00:00:00Z, text is compared byte by byte (BINARY), so that
-- both databases and every host sort alike. `version` rises with each change of a row (ETag).
-- AUTOINCREMENT: an id is never given twice.

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    version       BIGINT NOT NULL DEFAULT 1,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL,
    first_name    TEXT,
    last_name     TEXT,
    name_key      TEXT NOT NULL,
    access_level  SMALLINT NOT NULL,
    is_enabled    BOOLEAN NOT NULL,
    alt_id        TEXT,
    password_hash TEXT,
    profile       TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE INDEX users_by_name ON users (name_key, id);
CREATE INDEX users_by_alt_id ON users (alt_id) WHERE alt_id IS NOT NULL;

CREATE TABLE relationship_types (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    version     BIGINT NOT NULL DEFAULT 1,
    name        TEXT NOT NULL,
    description TEXT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX relationship_types_name ON relationship_types (name);

CREATE TABLE user_relationships (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    version    BIGINT NOT NULL DEFAULT 1,
    user_id    BIGINT NOT NULL REFERENCES users (id),
    target_id  BIGINT NOT NULL REFERENCES users (id),
    type_id    SMALLINT NOT NULL REFERENCES relationship_types (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    updated_by BIGINT,
    CHECK (user_id <> target_id)
);
-- What an edge is: no two share all three.
CREATE UNIQUE INDEX user_relationships_identity ON user_relationships (user_id, target_id, type_id);
-- What is listed by one end, with and without a type. Each holds all that a page shows.
CREATE INDEX user_relationships_out ON user_relationships
    (user_id, id, target_id, type_id, version, created_at, updated_at);
CREATE INDEX user_relationships_out_by_type ON user_relationships
    (user_id, type_id, id, target_id, version, created_at, updated_at);
CREATE INDEX user_relationships_in ON user_relationships
    (target_id, id, user_id, type_id, version, created_at, updated_at);
CREATE INDEX user_relationships_in_by_type ON user_relationships
    (target_id, type_id, id, user_id, version, created_at, updated_at);
CREATE INDEX user_relationships_by_type ON user_relationships (type_id, id);

-- Exact totals. With slots a single row may be negative: only the sum over the slots counts.
CREATE TABLE counts_by_user (
    user_id BIGINT NOT NULL,
    type_id SMALLINT NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (user_id, type_id)
) WITHOUT ROWID;
CREATE TABLE counts_by_target (
    target_id BIGINT NOT NULL,
    type_id   SMALLINT NOT NULL,
    slot      SMALLINT NOT NULL,
    n         BIGINT NOT NULL,
    PRIMARY KEY (target_id, type_id, slot)
) WITHOUT ROWID;
CREATE TABLE counts_by_type (
    type_id SMALLINT NOT NULL,
    slot    SMALLINT NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (type_id, slot)
) WITHOUT ROWID;
CREATE TABLE counts_of_users (
    is_enabled   BOOLEAN NOT NULL,
    access_level SMALLINT NOT NULL,
    n            BIGINT NOT NULL,
    PRIMARY KEY (is_enabled, access_level)
) WITHOUT ROWID;

CREATE TABLE api_tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    digest       BLOB NOT NULL,
    user_id      BIGINT NOT NULL REFERENCES users (id),
    name         TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX api_tokens_digest ON api_tokens (digest);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, id);

-- Answers kept so that a request can be repeated; status 0 until there is one.
CREATE TABLE idempotency_keys (
    caller_id   BIGINT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status      SMALLINT NOT NULL,
    headers     TEXT NOT NULL,
    body        BLOB NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (caller_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Random texts, filled once by the program after the migrations: what cursors are proved with.
CREATE TABLE service_secrets (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

INSERT INTO relationship_types (name, description, created_at, updated_at) VALUES
    ('subordinate', 'The target is the supervisor of the user', CAST(strftime('%s', 'now') AS INTEGER) * 1000000, CAST(strftime('%s', 'now') AS INTEGER) * 1000000),
    ('colleague', 'The user works with the target', CAST(strftime('%s', 'now') AS INTEGER) * 1000000, CAST(strftime('%s', 'now') AS INTEGER) * 1000000),
    ('mentor', 'The target is the mentor of the user', CAST(strftime('%s', 'now') AS INTEGER) * 1000000, CAST(strftime('%s', 'now') AS INTEGER) * 1000000);

-- For people with the sqlite3 shell.
CREATE VIEW readable_relationships AS
SELECT r.id, r.user_id, t.name AS relationship, r.target_id,
       datetime(r.created_at / 1000000, 'unixepoch') AS created_at,
       datetime(r.updated_at / 1000000, 'unixepoch') AS updated_at,
       r.created_by, r.updated_by
FROM user_relationships r JOIN relationship_types t ON t.id = r.type_id;
