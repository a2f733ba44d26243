-- The series: one row per reading, (sensor, time) is its identity. The first one stored wins, flags and all;
-- a second one of the same identity is a duplicate, never an update.
CREATE TABLE reading (
    sensor   integer          NOT NULL, -- key of the sensor in the monitor's read model
    time     timestamptz      NOT NULL,
    value    double precision NOT NULL, -- canonical unit: m; mm for rain and displacement
    flag     smallint         NOT NULL, -- QARTOD, the worst of all tests: 1 pass, 2 not evaluated, 3 suspect, 4 fail
    tests    integer          NOT NULL, -- every test's own flag, packed
    rule_set smallint         NOT NULL, -- version of the rules that set the flags
    received timestamptz      NOT NULL, -- a third time beside "when observed" and "when recorded": when it reached us
    PRIMARY KEY (sensor, time)
);

COMMENT ON TABLE reading IS 'Readings as judged on arrival; flags are never rewritten.';
