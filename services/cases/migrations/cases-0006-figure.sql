-- The figures of the Operations dashboard, a row per name every ten seconds; kept 30 days (shared/ops/figures.py).
CREATE TABLE figure (
    time  timestamptz      NOT NULL,
    name  text             NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (name, time)
);
CREATE INDEX figure_time ON figure (time);

-- One view over every service that has figures. Services migrate by themselves and in any order, so that each makes
-- the view anew over those that are there: the last one to come completes it.
DO $$
DECLARE
    parts text;
BEGIN
    SELECT string_agg(
        format('SELECT time, %L::text AS service, name, value FROM %I.figure', n.nspname, n.nspname),
        ' UNION ALL ' ORDER BY n.nspname)
    INTO parts
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'figure' AND c.relkind IN ('r', 'p')
      AND n.nspname IN ('registry', 'cases', 'monitor', 'notifier');
    EXECUTE 'CREATE OR REPLACE VIEW dashboard.figure AS ' || parts;
END
$$;
