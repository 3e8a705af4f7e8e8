-- Spreads the rows over the nodes of a Citus cluster (docs/SCALE.md). It runs after all migrations, in one transaction
-- without other clients, on the coordinator; then the program fills the copies.

-- One node after the other: parallel sessions would not see what this transaction has done.
SET LOCAL citus.multi_shard_modify_mode = 'sequential';

-- Shards cannot refer to rows of other nodes, and a key must contain the column by which its table is distributed.
ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_user_id_fkey;
ALTER TABLE groups DROP CONSTRAINT groups_owner_id_fkey;
ALTER TABLE group_members DROP CONSTRAINT group_members_user_id_fkey;
ALTER TABLE relationship_type_locks DROP CONSTRAINT relationship_type_locks_type_id_fkey;
ALTER TABLE counts_below DROP CONSTRAINT counts_below_type_id_fkey;
ALTER TABLE user_relationships DROP CONSTRAINT user_relationships_user_id_fkey;
ALTER TABLE user_relationships DROP CONSTRAINT user_relationships_target_id_fkey;
ALTER TABLE user_relationships DROP CONSTRAINT user_relationships_type_id_fkey;
ALTER TABLE user_relationships DROP CONSTRAINT user_relationships_pkey;
ALTER TABLE user_relationships ADD PRIMARY KEY (user_id, id);
CREATE INDEX user_relationships_by_id ON user_relationships (id);
DROP INDEX user_relationships_in;
DROP INDEX user_relationships_in_by_type;
DROP INDEX user_relationships_by_type;
DROP INDEX users_email_key;
CREATE INDEX users_email_key ON users (email_key);

-- Whose address it is: this key makes an address unique.
CREATE TABLE user_emails (
    email_key TEXT COLLATE "C" PRIMARY KEY,
    user_id   BIGINT NOT NULL
);

-- On which node a relationship is.
CREATE TABLE relationship_owners (
    id      BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL
);

-- Copies of all relationships: where their targets are, and each type on one node. The service writes a relationship and
-- its copies in one transaction.
CREATE TABLE relationships_by_target (
    id         BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    user_id    BIGINT NOT NULL,
    target_id  BIGINT NOT NULL,
    type_id    SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (target_id, id) INCLUDE (user_id, type_id, version, created_at, updated_at)
);
CREATE INDEX relationships_by_target_and_type ON relationships_by_target (target_id, type_id, id)
    INCLUDE (user_id, version, created_at, updated_at);

CREATE TABLE relationships_by_type (
    id         BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    user_id    BIGINT NOT NULL,
    target_id  BIGINT NOT NULL,
    type_id    SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (type_id, id)
);
CREATE INDEX relationships_by_type_and_user ON relationships_by_type (type_id, user_id, id) INCLUDE (target_id);
CREATE INDEX relationships_by_type_and_target ON relationships_by_type (type_id, target_id, id) INCLUDE (user_id);

-- Always empty. Each transaction that writes begins with a statement for this table on the coordinator, after which Citus
-- commits in two phases. It would not where the transaction has read a node before it writes on several.
CREATE TABLE two_phase_commits (
    id SMALLINT PRIMARY KEY
);
SELECT citus_add_local_table_to_metadata('two_phase_commits');

SELECT create_reference_table('relationship_types');
SELECT create_distributed_table('users', 'id');
SELECT create_distributed_table('user_emails', 'email_key');
SELECT create_distributed_table('user_relationships', 'user_id', colocate_with => 'users');
SELECT create_distributed_table('relationships_by_target', 'target_id', colocate_with => 'users');
SELECT create_distributed_table('counts_by_user', 'user_id', colocate_with => 'users');
SELECT create_distributed_table('counts_by_target', 'target_id', colocate_with => 'users');
SELECT create_distributed_table('relationship_owners', 'id', colocate_with => 'users');
SELECT create_distributed_table('counts_by_type', 'slot');
SELECT create_distributed_table('relationships_by_type', 'type_id', colocate_with => 'counts_by_type');
SELECT create_distributed_table('counts_below', 'type_id', colocate_with => 'counts_by_type');

-- Both ends of a relationship and its type exist: each copy is where one of them is.
ALTER TABLE user_relationships
    ADD CONSTRAINT user_relationships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id);
ALTER TABLE relationships_by_target
    ADD CONSTRAINT relationships_by_target_target_id_fkey FOREIGN KEY (target_id) REFERENCES users (id);
ALTER TABLE relationships_by_type
    ADD CONSTRAINT relationships_by_type_type_id_fkey FOREIGN KEY (type_id) REFERENCES relationship_types (id);
