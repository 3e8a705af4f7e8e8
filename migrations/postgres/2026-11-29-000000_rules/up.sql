-- The rules of relationship types. Releases that do not know them neither obey them nor keep what is counted here.

-- The names of the users at either end, seen from the other end.
ALTER TABLE relationship_types ADD COLUMN user_role TEXT COLLATE "C";
ALTER TABLE relationship_types ADD COLUMN target_role TEXT COLLATE "C";
ALTER TABLE relationship_types ADD COLUMN is_symmetric BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE relationship_types ADD COLUMN is_acyclic BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE relationship_types ADD COLUMN max_per_user SMALLINT;
-- `owner` or `admin`.
ALTER TABLE relationship_types ADD COLUMN managed_by TEXT COLLATE "C" NOT NULL DEFAULT 'owner';

UPDATE relationship_types SET user_role = 'subordinates'
WHERE name = 'subordinate' AND NOT EXISTS (SELECT 1 FROM relationship_types WHERE name = 'subordinates');
UPDATE relationship_types SET target_role = 'supervisors'
WHERE name = 'subordinate' AND NOT EXISTS (SELECT 1 FROM relationship_types WHERE name = 'supervisors');
UPDATE relationship_types SET user_role = 'mentees'
WHERE name = 'mentor' AND NOT EXISTS (SELECT 1 FROM relationship_types WHERE name = 'mentees');
UPDATE relationship_types SET target_role = 'mentors'
WHERE name = 'mentor' AND NOT EXISTS (SELECT 1 FROM relationship_types WHERE name = 'mentors');

-- Writers of relationships of a type with rules update its row first, so that they run one at a time. A type without
-- rules may lack its row: an earlier release may have registered it.
CREATE TABLE relationship_type_locks (
    type_id  SMALLINT PRIMARY KEY NOT NULL REFERENCES relationship_types (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL DEFAULT 0
);
INSERT INTO relationship_type_locks (type_id) SELECT id FROM relationship_types;

-- In types that are trees: how many users are below a user at any depth, and how many steps the deepest of them is away.
-- A user without a row has nobody below it.
CREATE TABLE counts_below (
    type_id SMALLINT NOT NULL REFERENCES relationship_types (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    height  INTEGER NOT NULL,
    PRIMARY KEY (type_id, user_id)
);
