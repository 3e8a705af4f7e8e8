-- Imports over HTTP. The numbers of states are those of `ImportState`. Users may be deleted later, so nothing refers to
-- them. `runner` is the instance that works on an import, and `beat` grows while it lives.
CREATE TABLE imports (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    state        SMALLINT NOT NULL,
    actor_id     BIGINT NOT NULL,
    request_id   TEXT,
    options      TEXT NOT NULL,
    size         BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    changed      BIGINT NOT NULL,
    moved        BIGINT NOT NULL,
    deleted      BIGINT NOT NULL,
    disabled     BIGINT NOT NULL,
    missing      BIGINT NOT NULL,
    unchanged    BIGINT NOT NULL,
    rejected     BIGINT NOT NULL,
    progress     BIGINT NOT NULL,
    problem      TEXT,
    digest       BIGINT,
    applied_pass BIGINT NOT NULL,
    applied_line BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    runner       TEXT,
    beat         BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    read_at      BIGINT,
    finished_at  BIGINT
);
-- At most one runs.
CREATE UNIQUE INDEX imports_running ON imports (state) WHERE state = 3;
-- Those on which an instance works, or which expire.
CREATE INDEX imports_unfinished ON imports (id) WHERE state < 4;

-- The uploaded bytes, in pieces of bounded size. Instances delete what no unfinished import needs.
CREATE TABLE import_chunks (
    import_id BIGINT NOT NULL,
    number    BIGINT NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (import_id, number)
);

-- What happens, row by row. `content` is a JSON object with `before`, `after` and `problems`.
CREATE TABLE import_rows (
    import_id BIGINT NOT NULL,
    id        BIGINT NOT NULL,
    outcome   TEXT NOT NULL,
    line      BIGINT,
    subject   TEXT NOT NULL,
    content   TEXT NOT NULL,
    PRIMARY KEY (import_id, id)
);
CREATE INDEX import_rows_by_outcome ON import_rows (import_id, outcome, id);
