-- Ids that were given once and are not given again.

-- Users that were deleted. Only administrators delete users, so a row for each is affordable.
CREATE TABLE retired_user_ids (
    id INTEGER PRIMARY KEY NOT NULL
);

-- The largest relationship id that was deleted, in slots so that deletions do not wait for each other (slot = id % 32).
-- Every user can create and delete relationships without end, so a row for each deletion would not be affordable.
CREATE TABLE retired_relationship_ids (
    slot    SMALLINT PRIMARY KEY NOT NULL,
    last_id BIGINT NOT NULL
) WITHOUT ROWID;

WITH RECURSIVE slots (slot) AS (SELECT 0 UNION ALL SELECT slot + 1 FROM slots WHERE slot < 31)
INSERT INTO retired_relationship_ids (slot, last_id)
SELECT slot, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'user_relationships'), 0) FROM slots;

-- Numbers of relationship types that were removed. There are 32,767 numbers, so a number is used again when all are spent
-- and it has rested, while no instance remembers the old type any more.
CREATE TABLE retired_type_ids (
    id         INTEGER PRIMARY KEY NOT NULL,
    retired_at BIGINT NOT NULL
);
