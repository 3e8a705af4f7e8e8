ALTER TABLE api_tokens DROP COLUMN is_session;
DROP TABLE group_members;
DROP TABLE groups;
