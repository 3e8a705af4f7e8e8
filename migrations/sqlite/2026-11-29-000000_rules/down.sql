DROP TABLE counts_below;
DROP TABLE relationship_type_locks;
ALTER TABLE relationship_types DROP COLUMN managed_by;
ALTER TABLE relationship_types DROP COLUMN max_per_user;
ALTER TABLE relationship_types DROP COLUMN is_acyclic;
ALTER TABLE relationship_types DROP COLUMN is_symmetric;
ALTER TABLE relationship_types DROP COLUMN target_role;
ALTER TABLE relationship_types DROP COLUMN user_role;
