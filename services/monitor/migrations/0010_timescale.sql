-- Sorts before 0011_series, which fails where TimescaleDB is installed on the server and not yet created in this
-- database: it asks for a setting that only roles with pg_read_all_settings may read. Here the extension is created
-- first (0011 then finds it and does not ask), in `public` rather than in our own schema.
-- Where 0011 has been applied already, this changes nothing: the series stay what they are.
DO $migration$
BEGIN
    IF to_regclass('reading_hourly') IS NOT NULL
        OR EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
        OR NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
    THEN
        RETURN;
    END IF;
    -- Its loader defines this setting when it is preloaded; anybody may see that. Creating it without would end the session.
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'timescaledb.max_background_workers') THEN
        BEGIN
            CREATE EXTENSION timescaledb SCHEMA public;
            RETURN;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'timescaledb is there but may not be created by this role';
        END;
    END IF;
    IF NOT pg_has_role('pg_read_all_settings', 'USAGE') THEN
        RAISE EXCEPTION 'TimescaleDB is installed on this server but cannot be created in this database'
            USING HINT = format(
                'A superuser adds timescaledb to shared_preload_libraries and runs CREATE EXTENSION timescaledb in'
                ' this database; or, to keep the series plain, GRANT pg_read_all_settings TO %I.', current_user);
    END IF;
END
$migration$;
