-- What was handed over from one user to another. Users and types may be deleted later, so nothing refers to them.
CREATE TABLE transfers (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    relationship TEXT NOT NULL,
    take_place   BOOLEAN NOT NULL,
    from_id      BIGINT NOT NULL,
    to_id        BIGINT NOT NULL,
    actor_id     BIGINT NOT NULL,
    moved        BIGINT NOT NULL,
    merged       BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);
