-- The change log. Releases that do not know it do not write it.

-- Numbers are dense and in an order that agrees with cause and effect. `n - place` is the number of the first change of
-- the same transaction. Nothing refers to users and types, which may be deleted.
CREATE TABLE changes (
    n                     BIGINT PRIMARY KEY,
    place                 BIGINT NOT NULL,
    at                    BIGINT NOT NULL,
    -- 0 created, 1 updated, 2 deleted, 3 loaded.
    action                SMALLINT NOT NULL,
    -- 0 relationships, 1 users, 2 types, 3 groups, 4 members.
    subject_type          SMALLINT NOT NULL,
    -- Null for types, which have a name in `relationship`, and for action 3.
    subject_id            BIGINT,
    -- The ends of a relationship; for a user, `user_id` is the user.
    user_id               BIGINT,
    target_id             BIGINT,
    relationship          TEXT COLLATE "C",
    previous_relationship TEXT COLLATE "C",
    -- Of a relationship before the change, so that the change can be undone.
    edge_created_at       BIGINT,
    edge_created_by       BIGINT,
    previous_version      BIGINT,
    previous_updated_at   BIGINT,
    previous_updated_by   BIGINT,
    -- Names of attributes, separated by spaces.
    changed               TEXT COLLATE "C",
    actor_id              BIGINT,
    request_id            TEXT COLLATE "C",
    -- 0 reassign, 1 transfer, 2 user deleted, 3 import.
    reason                SMALLINT
);
CREATE INDEX changes_by_user ON changes (user_id, n) WHERE user_id IS NOT NULL;
CREATE INDEX changes_by_target ON changes (target_id, n) WHERE target_id IS NOT NULL;
CREATE INDEX changes_of_relationship ON changes (subject_id, n) WHERE subject_type = 0;

-- Changes that are committed, or are about to be, and have no number yet. A transaction writes a set of them.
CREATE TABLE unnumbered_changes (
    set_id                BIGINT NOT NULL,
    place                 BIGINT NOT NULL,
    at                    BIGINT NOT NULL,
    action                SMALLINT NOT NULL,
    subject_type          SMALLINT NOT NULL,
    subject_id            BIGINT,
    user_id               BIGINT,
    target_id             BIGINT,
    relationship          TEXT COLLATE "C",
    previous_relationship TEXT COLLATE "C",
    edge_created_at       BIGINT,
    edge_created_by       BIGINT,
    previous_version      BIGINT,
    previous_updated_at   BIGINT,
    previous_updated_by   BIGINT,
    changed               TEXT COLLATE "C",
    actor_id              BIGINT,
    request_id            TEXT COLLATE "C",
    reason                SMALLINT,
    PRIMARY KEY (set_id, place)
);
-- One at a time, so that the order of two sets is the order in which they were drawn.
CREATE SEQUENCE change_set_ids CACHE 1;
-- It has the owner of the table, also if that changes. As a statement of its own, because Citus refuses it in the other.
ALTER SEQUENCE change_set_ids OWNED BY unnumbered_changes.set_id;

-- One row. The log has every change with a larger number than `horizon_number`, and every change after `horizon_at`.
CREATE TABLE change_log (
    id                  SMALLINT PRIMARY KEY CHECK (id = 1),
    is_on               BOOLEAN NOT NULL,
    last_number         BIGINT NOT NULL,
    last_at             BIGINT NOT NULL,
    horizon_number      BIGINT NOT NULL,
    horizon_at          BIGINT NOT NULL,
    -- That of the change with the number `horizon_number`; a random one if the log has never had this change.
    horizon_fingerprint BIGINT NOT NULL
);
-- In a new database nothing happens before the log is on. In others, a release that knows the log turns it on.
INSERT INTO change_log (id, is_on, last_number, last_at, horizon_number, horizon_at, horizon_fingerprint)
SELECT 1, NOT EXISTS (SELECT 1 FROM users), 0, micros, 0, micros, CAST(random() * 9007199254740992 AS BIGINT)
FROM (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros) AS clock;
