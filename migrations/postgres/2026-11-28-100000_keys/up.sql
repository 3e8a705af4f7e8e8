-- The version of data that the program computes and SQL cannot. The program writes it after the migrations: `keys` are
-- `users.email_key` and `users.name_key`.
CREATE TABLE computed_data (
    name    TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL
);
