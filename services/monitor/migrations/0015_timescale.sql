-- The series as they are kept: how long, when compressed, when hourly and daily values are settled.
-- Reads the same on both engines: reading, reading_hourly, reading_daily, with the same columns and results.

-- One row, the one place to change any of it; a change takes effect at once. Without TimescaleDB nothing is dropped.
CREATE TABLE series_policy (
    one            boolean  PRIMARY KEY DEFAULT true CHECK (one),
    -- Null keeps for ever. Raw readings outlive look-backs and an inspector's questions about any flood season of
    -- two decades; hours serve comparisons over a pond's life; days stay.
    keep_raw       interval DEFAULT interval '20 years' CHECK (keep_raw >= interval '2 years'),
    keep_hourly    interval DEFAULT interval '50 years',
    keep_daily     interval DEFAULT NULL,
    -- Readings younger than this are summed up at the time of asking, so that what is late within the monitor's
    -- 24 h window is seen at once; older ones are settled by the refresh jobs.
    settle         interval NOT NULL DEFAULT interval '25 hours'
        CHECK (settle BETWEEN interval '1 hour' AND interval '30 days'),
    compress_after interval NOT NULL DEFAULT interval '30 days' CHECK (compress_after >= interval '2 days'),
    -- Readings in a chunk: a week of 1,000 sensors at 5 minutes is two million. Holds for new chunks.
    chunk          interval NOT NULL DEFAULT interval '7 days'
        CHECK (chunk BETWEEN interval '1 hour' AND interval '90 days'),
    CONSTRAINT coarser_is_kept_longer CHECK (
        coalesce(keep_raw, 'infinity') <= coalesce(keep_hourly, 'infinity')
        AND coalesce(keep_hourly, 'infinity') <= coalesce(keep_daily, 'infinity'))
);
INSERT INTO series_policy DEFAULT VALUES;
COMMENT ON TABLE series_policy IS 'How long readings, hours and days are kept; a change takes effect at once.';

CREATE FUNCTION series_on_timescale() RETURNS boolean LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    -- A statement is looked at only when it is reached: its tables need not be there on plain PostgreSQL.
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM timescaledb_information.hypertables
        WHERE hypertable_name = 'reading' AND hypertable_schema = current_schema());
END
$$;
COMMENT ON FUNCTION series_on_timescale IS 'Whether the series are a hypertable here.';

CREATE FUNCTION apply_series_policy() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    policy series_policy;
    series regclass;
BEGIN
    SELECT * INTO policy FROM series_policy;
    IF NOT FOUND OR NOT series_on_timescale() THEN
        RETURN; -- without a row: a restore has emptied the table and fills it in the same transaction
    END IF;
    PERFORM set_chunk_time_interval('reading', policy.chunk);
    FOREACH series IN ARRAY ARRAY['reading', 'reading_hourly', 'reading_daily']::regclass[] LOOP
        PERFORM remove_retention_policy(series, if_exists => true);
        PERFORM remove_compression_policy(series, if_exists => true);
    END LOOP;
    PERFORM remove_continuous_aggregate_policy('reading_hourly', if_exists => true);
    PERFORM remove_continuous_aggregate_policy('reading_daily', if_exists => true);

    IF policy.keep_raw IS NOT NULL THEN
        PERFORM add_retention_policy('reading', policy.keep_raw);
    END IF;
    IF policy.keep_hourly IS NOT NULL THEN
        PERFORM add_retention_policy('reading_hourly', policy.keep_hourly);
    END IF;
    IF policy.keep_daily IS NOT NULL THEN
        PERFORM add_retention_policy('reading_daily', policy.keep_daily);
    END IF;

    -- Only hours and days whose readings changed are summed up again, so a window back to where the readings
    -- begin costs nothing, and a backlog of any age is taken. It must end before the readings do: an hour whose
    -- readings were dropped would be summed up from the one that came late, and the others lost.
    PERFORM add_continuous_aggregate_policy('reading_hourly', start_offset => policy.keep_raw - interval '1 day',
        end_offset => policy.settle, schedule_interval => interval '30 minutes');
    PERFORM add_continuous_aggregate_policy('reading_daily', start_offset => policy.keep_hourly - interval '2 days',
        end_offset => policy.settle + interval '1 day', schedule_interval => interval '1 hour');

    PERFORM add_compression_policy('reading', policy.compress_after);
    PERFORM add_compression_policy('reading_hourly', policy.compress_after + interval '150 days');
    PERFORM add_compression_policy('reading_daily', policy.compress_after + interval '3 years');
END
$$;
COMMENT ON FUNCTION apply_series_policy IS 'Make TimescaleDB''s jobs say what series_policy says; nothing elsewhere.';

CREATE FUNCTION series_policy_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- The service's role may write every table of its schema; how long records are kept is not its business.
    IF NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'reading'::regclass), 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the owner of the series changes how long they are kept';
    END IF;
    PERFORM apply_series_policy();
    RETURN NULL;
END
$$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON series_policy
    FOR EACH STATEMENT EXECUTE FUNCTION series_policy_changed();

-- Used below, and by hand on a database that was plain until TimescaleDB came to its server.
CREATE FUNCTION series_to_timescale() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    others      text[];
    definitions text[];
BEGIN
    -- Views over hours and days (dashboards) stand in the way of making those anew: taken down, put up again below.
    WITH RECURSIVE above (view, depth) AS (
        SELECT unnest(ARRAY['reading_hourly', 'reading_daily']::regclass[])::oid, 0
        UNION
        SELECT rule.ev_class, above.depth + 1
        FROM above
        JOIN pg_depend AS edge ON edge.refclassid = 'pg_class'::regclass AND edge.refobjid = above.view
        JOIN pg_rewrite AS rule ON edge.classid = 'pg_rewrite'::regclass AND rule.oid = edge.objid
        JOIN pg_class AS class ON class.oid = rule.ev_class
        WHERE rule.ev_class <> above.view AND class.relnamespace::regnamespace::text !~ '^_timescaledb'
    ), tall AS (
        SELECT view, max(depth) AS depth FROM above
        WHERE view NOT IN ('reading_hourly'::regclass, 'reading_daily'::regclass) GROUP BY view
    )
    SELECT array_agg(view::regclass::text ORDER BY depth, view), array_agg(pg_get_viewdef(view) ORDER BY depth, view)
    INTO others, definitions FROM tall;
    FOR place IN REVERSE coalesce(cardinality(others), 0)..1 LOOP
        EXECUTE format('DROP VIEW %s', others[place]);
    END LOOP;

    IF NOT series_on_timescale() THEN
        DROP VIEW reading_daily;
        DROP VIEW reading_hourly;
        DROP INDEX reading_time; -- chunks by time do its work
        -- By time alone. Four hash partitions by sensor were measured (400 sensors, 6.5 million readings): writing was no
        -- faster, newest values took 2.5 to 5 and a sensor's month 1.06 to 1.9 times as long: each query meets four times
        -- the chunks. Columns segmented by sensor do for reading what a space dimension is meant for.
        PERFORM create_hypertable('reading', 'time', chunk_time_interval => interval '7 days',
            create_default_indexes => false, migrate_data => true);
        ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'sensor',
            timescaledb.compress_orderby = 'time');
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
    ELSE
        DROP MATERIALIZED VIEW reading_daily;
    END IF;
    -- From hours, not from readings: a twelfth of the work, and days outlive the readings they came from.
    -- A UTC day is the hydrological day of China (08:00 to 08:00).
    CREATE MATERIALIZED VIEW reading_daily WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT sensor, time_bucket(interval '1 day', bucket) AS bucket,
            sum(readings)::bigint AS readings,
            sum(failed)::bigint AS failed,
            sum(total) / nullif(sum(readings - failed), 0)::double precision AS mean,
            min(low) AS low,
            max(high) AS high,
            sum(total) AS total
        FROM reading_hourly GROUP BY 1, 2
        WITH NO DATA;
    ALTER MATERIALIZED VIEW reading_hourly SET (timescaledb.compress = true,
        timescaledb.compress_segmentby = 'sensor', timescaledb.compress_orderby = 'bucket');
    ALTER MATERIALIZED VIEW reading_daily SET (timescaledb.compress = true,
        timescaledb.compress_segmentby = 'sensor', timescaledb.compress_orderby = 'bucket');
    PERFORM apply_series_policy();

    FOR place IN 1..coalesce(cardinality(others), 0) LOOP
        EXECUTE format('CREATE VIEW %s AS %s', others[place], definitions[place]);
    END LOOP;
END
$$;
COMMENT ON FUNCTION series_to_timescale IS
    'Make hypertable, continuous aggregates and jobs of plain series; run `tailwarden migrate` afterwards for grants.';

DO $migration$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM series_to_timescale();
    ELSE
        CREATE OR REPLACE VIEW reading_daily AS
            SELECT sensor, date_bin(interval '1 day', bucket, timestamptz '2000-01-01 00:00:00+00') AS bucket,
                sum(readings)::bigint AS readings,
                sum(failed)::bigint AS failed,
                sum(total) / nullif(sum(readings - failed), 0)::double precision AS mean,
                min(low) AS low,
                max(high) AS high,
                sum(total) AS total
            FROM reading_hourly GROUP BY 1, 2;
    END IF;
END
$migration$;
