-- What a search reads beside `name_key` and `email_key`: the keys of `alt_id`, of the units and job titles in the profile,
-- and of the address without accents (`model::key`). The program computes it after the migration, and `name_key` again.
ALTER TABLE users ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
