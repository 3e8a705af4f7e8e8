-- Groups of users, their members, and what sessions need of tokens. The actions on delete are for releases that
-- do not know these tables yet; the service itself removes what hangs on a row before the row.

CREATE TABLE groups (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    version    BIGINT NOT NULL DEFAULT 1,
    group_type TEXT NOT NULL,
    -- Nobody's once its owner is deleted: then only admins change it.
    owner_id   BIGINT REFERENCES users (id) ON DELETE SET NULL,
    -- A JSON object.
    properties TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX groups_by_type ON groups (group_type, id);
CREATE INDEX groups_by_owner ON groups (owner_id, id);

CREATE TABLE group_members (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    version     BIGINT NOT NULL DEFAULT 1,
    member_type TEXT NOT NULL,
    group_id    BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id     BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- A JSON object.
    properties  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
-- What a membership is: no user is in a group twice.
CREATE UNIQUE INDEX group_members_identity ON group_members (group_id, user_id);
CREATE INDEX group_members_by_group ON group_members (group_id, id);
CREATE INDEX group_members_by_user ON group_members (user_id, id);

-- Tokens that a session made end with the password that it was opened with.
ALTER TABLE api_tokens ADD COLUMN is_session BOOLEAN NOT NULL DEFAULT FALSE;
