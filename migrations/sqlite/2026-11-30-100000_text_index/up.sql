-- Finds users by parts of their texts. The table has the trigrams of `name_key`, `email_key` and `search_key`, and none of
-- the texts. Users who were written since are in `users_by_text_waiting` until the program moves some at a time: their
-- index entries are missing or old. Triggers do that, so that users whom an earlier release writes, which has no FTS5, are
-- found too.
CREATE VIRTUAL TABLE users_by_text USING fts5 (
    keys, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
CREATE TABLE users_by_text_waiting (user_id INTEGER NOT NULL PRIMARY KEY);
INSERT INTO users_by_text_waiting (user_id) SELECT id FROM users;
CREATE TRIGGER users_by_text_insert AFTER INSERT ON users BEGIN
    INSERT INTO users_by_text_waiting (user_id) VALUES (new.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER users_by_text_update AFTER UPDATE OF name_key, email_key, search_key ON users
WHEN new.name_key <> old.name_key OR new.email_key <> old.email_key OR new.search_key <> old.search_key BEGIN
    INSERT INTO users_by_text_waiting (user_id) VALUES (new.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER users_by_text_delete AFTER DELETE ON users BEGIN
    INSERT INTO users_by_text_waiting (user_id) VALUES (old.id) ON CONFLICT DO NOTHING;
END;
