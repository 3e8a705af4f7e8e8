DROP TRIGGER users_by_text_delete;
DROP TRIGGER users_by_text_update;
DROP TRIGGER users_by_text_insert;
DROP TABLE users_by_text_waiting;
DROP TABLE users_by_text;
