-- The whole difference between TimescaleDB and plain PostgreSQL. Everything else reads the same names:
-- reading, reading_hourly, reading_daily, the latter two with the same columns.
--
-- PL/pgSQL looks functions up only when a statement runs, so the branch of an absent extension is only parsed.
DO $migration$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
        AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
        AND current_setting('shared_preload_libraries') LIKE '%timescaledb%'
    THEN
        BEGIN
            CREATE EXTENSION timescaledb;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'timescaledb is there but may not be created by this role: the series stay plain';
        END;
    END IF;

    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('reading', 'time', chunk_time_interval => interval '7 days',
            create_default_indexes => false);
        ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'sensor',
            timescaledb.compress_orderby = 'time');
        -- Late data come within the 24 h window; a month leaves room for a second look at fresh data.
        PERFORM add_compression_policy('reading', interval '30 days');
        -- Raw readings outlive every look-back; hourly and daily values are kept for ever.
        PERFORM add_retention_policy('reading', interval '20 years');

        -- NO DATA, because a migration is one transaction; the policies fill them from the beginning.
        CREATE MATERIALIZED VIEW reading_hourly WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
            SELECT sensor, time_bucket(interval '1 hour', time) AS bucket,
                count(*) AS readings,
                count(*) FILTER (WHERE flag = 4) AS failed,
                avg(value) FILTER (WHERE flag <> 4) AS mean,
                min(value) FILTER (WHERE flag <> 4) AS low,
                max(value) FILTER (WHERE flag <> 4) AS high,
                sum(value) FILTER (WHERE flag <> 4) AS total
            FROM reading GROUP BY 1, 2
            WITH NO DATA;
        CREATE MATERIALIZED VIEW reading_daily WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
            SELECT sensor, time_bucket(interval '1 day', time) AS bucket,
                count(*) AS readings,
                count(*) FILTER (WHERE flag = 4) AS failed,
                avg(value) FILTER (WHERE flag <> 4) AS mean,
                min(value) FILTER (WHERE flag <> 4) AS low,
                max(value) FILTER (WHERE flag <> 4) AS high,
                sum(value) FILTER (WHERE flag <> 4) AS total
            FROM reading GROUP BY 1, 2
            WITH NO DATA;
        PERFORM add_continuous_aggregate_policy('reading_hourly', start_offset => NULL,
            end_offset => interval '1 hour', schedule_interval => interval '30 minutes');
        PERFORM add_continuous_aggregate_policy('reading_daily', start_offset => NULL,
            end_offset => interval '1 day', schedule_interval => interval '6 hours');
    ELSE
        -- Rows of one time lie close together on disk, so a small block-range index serves cuts through all sensors.
        CREATE INDEX reading_time ON reading USING brin (time);
        CREATE VIEW reading_hourly AS
            SELECT sensor, date_bin(interval '1 hour', time, timestamptz '2000-01-01 00:00:00+00') AS bucket,
                count(*) AS readings,
                count(*) FILTER (WHERE flag = 4) AS failed,
                avg(value) FILTER (WHERE flag <> 4) AS mean,
                min(value) FILTER (WHERE flag <> 4) AS low,
                max(value) FILTER (WHERE flag <> 4) AS high,
                sum(value) FILTER (WHERE flag <> 4) AS total
            FROM reading GROUP BY 1, 2;
        CREATE VIEW reading_daily AS
            SELECT sensor, date_bin(interval '1 day', time, timestamptz '2000-01-01 00:00:00+00') AS bucket,
                count(*) AS readings,
                count(*) FILTER (WHERE flag = 4) AS failed,
                avg(value) FILTER (WHERE flag <> 4) AS mean,
                min(value) FILTER (WHERE flag <> 4) AS low,
                max(value) FILTER (WHERE flag <> 4) AS high,
                sum(value) FILTER (WHERE flag <> 4) AS total
            FROM reading GROUP BY 1, 2;
    END IF;
END
$migration$;
