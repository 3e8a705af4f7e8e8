-- Finds users by parts of their texts, if the server has the extension `pg_trgm` or the role may create it. Without the
-- index searches read all users. The extension belongs to the whole database, so it is not created in the schema of one
-- tenant if there is a public one. Searches read the entries that wait for their place in the index, so these are few.
DO $$
DECLARE
    trgm name;
BEGIN
    BEGIN
        IF has_schema_privilege(to_regnamespace('public'), 'CREATE') THEN
            CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
        ELSE
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
        END IF;
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
        RAISE NOTICE 'pg_trgm is not available: searches for parts of names will read all users';
    END;
    SELECT n.nspname INTO trgm
    FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF trgm IS NOT NULL THEN
        EXECUTE format(
            'CREATE INDEX users_by_text ON users USING gin '
            '((name_key || E''\n'' || email_key || E''\n'' || search_key) %I.gin_trgm_ops) '
            'WITH (gin_pending_list_limit = 128)',
            trgm);
    END IF;
END $$;
