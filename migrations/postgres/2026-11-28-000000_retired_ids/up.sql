-- Ids that were given once and are not given again.

-- Users that were deleted. Only administrators delete users, so a row for each is affordable.
CREATE TABLE retired_user_ids (
    id BIGINT PRIMARY KEY
);

-- The largest relationship id that was deleted, in slots so that deletions do not wait for each other (slot = id % 32).
-- Every user can create and delete relationships without end, so a row for each deletion would not be affordable.
CREATE TABLE retired_relationship_ids (
    slot    SMALLINT PRIMARY KEY,
    last_id BIGINT NOT NULL
);

INSERT INTO retired_relationship_ids (slot, last_id)
SELECT slot, CASE WHEN is_called THEN last_value ELSE 0 END
FROM generate_series(0, 31) AS slots (slot), user_relationships_id_seq;

-- Numbers of relationship types that were removed. There are 32,767 numbers, so a number is used again when all are spent
-- and it has rested, while no instance remembers the old type any more.
CREATE TABLE retired_type_ids (
    id         SMALLINT PRIMARY KEY,
    retired_at BIGINT NOT NULL
);
