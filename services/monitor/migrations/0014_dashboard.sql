-- What the control room's wall shows of ponds, computed when it is asked for: from stored readings, warnings and limits,
-- so that a monitor that has stopped cannot leave a picture of calm behind. Nothing here is written by anybody.
-- The same on TimescaleDB and plain PostgreSQL; every look at readings is a probe or a short range of (sensor, time).

CREATE INDEX warning_standing ON warning (pond_id, raised DESC) WHERE level IS NOT NULL;
-- One reading in a hundred: counting them by themselves spares a look at every row. Good ones cost nothing here.
CREATE INDEX reading_doubtful ON reading (sensor, time) INCLUDE (flag) WHERE flag <> 1;
CREATE INDEX timeline_sight ON timeline (pond_id, time DESC, place DESC) WHERE event IN ('blind', 'restored');

-- The limits of a point on a local day, as the monitor's own rule has it (services/monitor/domain/ponds): the newest
-- document in force that speaks of the point, or else of its quantity; in it a band of the season before the all-year one.
CREATE FUNCTION limits_in_force(setup jsonb, sensor_id text, quantity text, day date) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (
        SELECT band || jsonb_build_object('document', document ->> 'document', 'limits_version', number)
        FROM (VALUES (1, 'sensor:' || sensor_id), (2, quantity)) AS wanted (rank, name)
            CROSS JOIN jsonb_array_elements(setup -> 'limits') WITH ORDINALITY AS documents (document, number)
            CROSS JOIN jsonb_array_elements(document -> 'bands' -> name) WITH ORDINALITY AS bands (band, place)
        WHERE (document ->> 'effective_from')::date <= day
            AND (band ->> 'season_from' IS NULL OR band ->> 'season_to' IS NULL OR CASE
                WHEN band ->> 'season_from' COLLATE "C" <= band ->> 'season_to' COLLATE "C"
                    THEN to_char(day, 'MM-DD') COLLATE "C" BETWEEN band ->> 'season_from' AND band ->> 'season_to'
                ELSE to_char(day, 'MM-DD') COLLATE "C" >= band ->> 'season_from' COLLATE "C"
                    OR to_char(day, 'MM-DD') COLLATE "C" <= band ->> 'season_to' COLLATE "C"
            END)
        ORDER BY rank, number DESC, band ->> 'season_from' IS NULL, place
        LIMIT 1
    );

-- A month and day in a year; the last of February, in a year without it, is the first of March.
CREATE FUNCTION season_day(year integer, month_day text) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN month_day = '02-29' THEN make_date(year, 2, 28) + 1
        ELSE make_date(year, left(month_day, 2)::integer, right(month_day, 2)::integer) END;

-- Sensors as they are judged: what they say of which quantity, and for how long each may be silent.
CREATE VIEW dashboard.point AS
    SELECT s.key, s.pond_id, s.sensor_id, s.kind,
        CASE WHEN s.kind IN ('water_level', 'water_distance') THEN 'level' ELSE s.kind END AS quantity,
        CASE WHEN s.kind IN ('rain', 'displacement') THEN 'mm' ELSE 'm' END AS unit,
        CASE WHEN view ->> 'state' = 'in_service' AND EXISTS (
                SELECT FROM jsonb_array_elements(view -> 'windows') AS windows (one)
                WHERE (one ->> 'begin')::timestamptz <= now() AND now() < (one ->> 'end')::timestamptz)
            THEN 'maintenance' ELSE view ->> 'state' END AS state,
        (view #>> '{sensor,expected_interval_s}')::integer AS expected_interval_s,
        CASE WHEN p.setup #>> '{pond,rules,blind,enabled}' = 'false' THEN double precision 'infinity'
            ELSE coalesce((p.setup #>> '{pond,rules,blind,intervals}')::double precision, 3)
                * (view #>> '{sensor,expected_interval_s}')::double precision END AS silent_after_s
    FROM pond_setup p
        CROSS JOIN LATERAL jsonb_array_elements(p.setup -> 'sensors') AS views (view)
        JOIN sensor s ON s.pond_id = p.pond_id AND s.sensor_id = view #>> '{sensor,id}'
    WHERE p.pond_id !~ '^(drill-|watchdog$)';

-- Readings by the key of their point: always joined with dashboard.point, which holds no synthetic pond.
CREATE VIEW dashboard.reading AS
    SELECT sensor AS key, time, value, flag, tests, received FROM reading;

-- Each point with its newest reading, and whether it is silent. Distances are stored as the levels they tell of.
CREATE VIEW dashboard.point_state AS
    SELECT p.key, p.pond_id, p.sensor_id, p.kind, p.quantity, p.unit, p.state, p.expected_interval_s,
        p.silent_after_s, r.time AS newest, r.received, r.flag, r.value,
        extract(epoch FROM now() - r.time)::double precision AS age_s,
        coalesce(extract(epoch FROM now() - r.time) > p.silent_after_s, true) AS silent
    FROM dashboard.point p LEFT JOIN LATERAL (
        SELECT time, received, flag, value FROM reading WHERE sensor = p.key ORDER BY time DESC LIMIT 1
    ) AS r ON true;

-- How each pond stands. "normal" is said only of a pond that is seen: every quantity has a point that reported in time.
CREATE VIEW dashboard.pond_state AS
    SELECT p.pond_id, p.setup #>> '{pond,name}' AS name, p.setup #>> '{pond,county}' AS county,
        p.setup #>> '{pond,timezone}' AS timezone, (p.setup #>> '{pond,grade}')::integer AS grade,
        (p.setup #>> '{pond,crest_level}')::double precision AS crest_level,
        (p.setup #>> '{pond,latitude}')::double precision AS latitude,
        (p.setup #>> '{pond,longitude}')::double precision AS longitude,
        w.warning_id, w.level, w.verified, w.raised,
        coalesce(s.points, 0) AS points, coalesce(s.silent, 0) AS silent, s.silent_sensors, s.newest,
        extract(epoch FROM now() - s.newest)::double precision AS age_s,
        coalesce(s.points, 0) = 0 OR s.newest IS NULL OR s.unseen OR coalesce(b.event = 'blind', false) AS blind,
        CASE WHEN b.event = 'blind' THEN b.time WHEN s.unseen THEN s.unseen_since END AS blind_since,
        CASE
            WHEN w.level IS NOT NULL THEN w.level
            WHEN coalesce(s.points, 0) = 0 THEN 'unmonitored'
            WHEN s.newest IS NULL THEN 'no_data'
            WHEN s.unseen OR coalesce(b.event = 'blind', false) THEN 'blind'
            ELSE 'normal'
        END AS state
    FROM pond_setup p
        LEFT JOIN (
            SELECT pond_id, sum(points)::integer AS points, sum(silent)::integer AS silent,
                string_agg(silent_sensors, ', ' ORDER BY quantity) AS silent_sensors, max(newest) AS newest,
                bool_or(points = silent) AS unseen, min(newest) FILTER (WHERE points = silent) AS unseen_since
            FROM (
                SELECT pond_id, quantity, count(*) AS points, count(*) FILTER (WHERE silent) AS silent,
                    string_agg(sensor_id, ', ' ORDER BY sensor_id) FILTER (WHERE silent) AS silent_sensors,
                    max(newest) AS newest
                FROM dashboard.point_state WHERE state = 'in_service' GROUP BY pond_id, quantity
            ) AS quantities GROUP BY pond_id
        ) AS s ON s.pond_id = p.pond_id
        LEFT JOIN LATERAL (
            SELECT warning_id, level, verified, raised FROM warning
            WHERE pond_id = p.pond_id AND level IS NOT NULL ORDER BY raised DESC LIMIT 1
        ) AS w ON true
        LEFT JOIN LATERAL (
            SELECT event, time FROM timeline
            WHERE pond_id = p.pond_id AND event IN ('blind', 'restored') ORDER BY time DESC, place DESC LIMIT 1
        ) AS b ON true
    WHERE p.pond_id !~ '^(drill-|watchdog$)';

-- The limits of each point over time: spans, cut at the local midnights on which a document or a season begins or ends.
CREATE VIEW dashboard.limit_span AS
    SELECT p.pond_id, p.sensor_id, p.quantity, turn.day::timestamp AT TIME ZONE turn.zone AS begins,
        lead(turn.day::timestamp AT TIME ZONE turn.zone, 1, timestamptz 'infinity')
            OVER (PARTITION BY p.pond_id, p.sensor_id ORDER BY turn.day) AS ends,
        (band ->> 'blue')::double precision AS blue, (band ->> 'yellow')::double precision AS yellow,
        (band ->> 'orange')::double precision AS orange, (band ->> 'red')::double precision AS red,
        band ->> 'document' AS document, (band ->> 'limits_version')::integer AS limits_version
    FROM dashboard.point p JOIN pond_setup s ON s.pond_id = p.pond_id
        CROSS JOIN LATERAL (
            SELECT DISTINCT day, s.setup #>> '{pond,timezone}' AS zone
            FROM jsonb_array_elements(s.setup -> 'limits') AS documents (document)
                CROSS JOIN LATERAL jsonb_each(document -> 'bands') AS quantities (quantity, bands)
                CROSS JOIN LATERAL jsonb_array_elements(bands) AS band
                CROSS JOIN LATERAL generate_series(
                    greatest(extract(year FROM (document ->> 'effective_from')::date)::integer,
                        extract(year FROM now())::integer - 30),
                    extract(year FROM now())::integer + 1) AS year
                CROSS JOIN LATERAL (VALUES ((document ->> 'effective_from')::date),
                    (season_day(year, band ->> 'season_from')),
                    (CASE band ->> 'season_to' WHEN '02-29' THEN make_date(year, 3, 1)
                        ELSE season_day(year, band ->> 'season_to') + 1 END)) AS turns (day)
            WHERE day IS NOT NULL
        ) AS turn
        LEFT JOIN LATERAL limits_in_force(s.setup, p.sensor_id, p.quantity, turn.day) AS band ON true;

-- Where water stands below a limit and how fast it comes: the slope of the last 3 hours before each point's newest
-- reading, by least squares. It is a look ahead for people; the warning rule takes a robust slope and its lower bound.
CREATE VIEW dashboard.next_limit AS
    SELECT p.pond_id, p.sensor_id, p.quantity, p.unit, p.value, p.newest, p.age_s, p.silent, next.level, next.limit_value,
        next.distance, rise.slope_per_h, rise.readings, band ->> 'document' AS document,
        (band ->> 'limits_version')::integer AS limits_version,
        CASE WHEN rise.toward * 3 >= coalesce((s.setup #>> '{pond,rules,trend,least_rise_m}')::double precision, 0.03)
                AND rise.readings >= 6
            THEN greatest(0, next.distance / rise.toward - p.age_s / 3600) END AS hours_left
    FROM dashboard.point_state p JOIN pond_setup s ON s.pond_id = p.pond_id
        CROSS JOIN LATERAL limits_in_force(s.setup, p.sensor_id, p.quantity,
            (now() AT TIME ZONE (s.setup #>> '{pond,timezone}'))::date) AS band
        CROSS JOIN LATERAL (
            SELECT level, limit_value,
                CASE WHEN p.quantity = 'freeboard' THEN p.value - limit_value ELSE limit_value - p.value END AS distance
            FROM (VALUES ('blue', (band ->> 'blue')::double precision), ('yellow', (band ->> 'yellow')::double precision),
                ('orange', (band ->> 'orange')::double precision), ('red', (band ->> 'red')::double precision))
                AS four (level, limit_value)
            WHERE CASE WHEN p.quantity = 'freeboard' THEN p.value > limit_value ELSE p.value < limit_value END
            ORDER BY 3 LIMIT 1
        ) AS next
        CROSS JOIN LATERAL (
            SELECT fit.slope AS slope_per_h,
                fit.slope * CASE WHEN p.quantity = 'freeboard' THEN -1 ELSE 1 END AS toward, fit.readings
            FROM (
                -- date_part gives a float; extract would make a numeric of every time.
                SELECT regr_slope(value, date_part('epoch', time - p.newest) / 3600) AS slope,
                    count(*)::integer AS readings
                FROM reading WHERE sensor = p.key AND time > p.newest - interval '3 hours' AND flag <> 4
            ) AS fit
        ) AS rise
    WHERE p.state = 'in_service' AND p.quantity IN ('level', 'freeboard', 'phreatic_level');

-- Two quantities, never mixed: crest less the water now, and crest less the water of the design flood, which is the
-- red limit of the level in the document in force.
CREATE VIEW dashboard.freeboard AS
    SELECT p.pond_id, crest.level AS crest_level, now_.level, now_.newest, now_.age_s, now_.silent,
        coalesce(crest.level - now_.level, now_.measured) AS live_freeboard,
        (band ->> 'red')::double precision AS design_flood_level,
        crest.level - (band ->> 'red')::double precision AS regulatory_freeboard,
        band ->> 'document' AS document, (band ->> 'limits_version')::integer AS limits_version
    FROM pond_setup p
        CROSS JOIN LATERAL (SELECT (p.setup #>> '{pond,crest_level}')::double precision AS level) AS crest
        LEFT JOIN (
            SELECT pond_id, max(value) FILTER (WHERE quantity = 'level') AS level,
                min(value) FILTER (WHERE quantity = 'freeboard') AS measured, max(newest) AS newest, min(age_s) AS age_s,
                bool_and(silent) AS silent
            FROM dashboard.point_state
            WHERE state = 'in_service' AND quantity IN ('level', 'freeboard') AND flag <> 4 GROUP BY pond_id
        ) AS now_ ON now_.pond_id = p.pond_id
        LEFT JOIN LATERAL limits_in_force(p.setup, '', 'level',
            (now() AT TIME ZONE (p.setup #>> '{pond,timezone}'))::date) AS band ON true
    WHERE p.pond_id !~ '^(drill-|watchdog$)';

-- Rain of the last hours at each gauge. A dry gauge and a missing one differ: coverage is the share of the readings due.
CREATE VIEW dashboard.rain_now AS
    SELECT p.pond_id, p.sensor_id, r.h1_mm, r.h3_mm, r.h6_mm, r.h12_mm, r.h24_mm, r.newest,
        extract(epoch FROM now() - r.newest)::double precision AS age_s,
        least(1, r.readings_12h * p.expected_interval_s / 43200.0)::double precision AS coverage_12h
    FROM dashboard.point p CROSS JOIN LATERAL (
        SELECT sum(value) FILTER (WHERE time > now() - interval '1 hour') AS h1_mm,
            sum(value) FILTER (WHERE time > now() - interval '3 hours') AS h3_mm,
            sum(value) FILTER (WHERE time > now() - interval '6 hours') AS h6_mm,
            sum(value) FILTER (WHERE time > now() - interval '12 hours') AS h12_mm,
            sum(value) AS h24_mm, max(time) AS newest,
            count(*) FILTER (WHERE time > now() - interval '12 hours') AS readings_12h
        FROM reading WHERE sensor = p.key AND time > now() - interval '24 hours' AND time <= now() AND flag <> 4
    ) AS r
    WHERE p.kind = 'rain' AND p.state = 'in_service';
