-- What the notifier knows: alarms as they stand, shelvings, and the register's events it routes by.
CREATE TABLE alarm (
    id       text PRIMARY KEY,
    pond_id  text NOT NULL,
    exercise boolean NOT NULL,
    level    text,                    -- NULL: over
    highest  text NOT NULL,
    opened   timestamptz NOT NULL,
    answered timestamptz,             -- first answer of somebody fit to act
    ended    timestamptz,
    version  integer NOT NULL,
    state    jsonb NOT NULL
);

CREATE INDEX alarm_open ON alarm (pond_id) WHERE ended IS NULL;

CREATE TABLE shelving (
    id      text PRIMARY KEY,
    pond_id text NOT NULL,
    expires timestamptz NOT NULL,
    state   jsonb NOT NULL
);

-- The directory (people, duties, rosters, ponds) is folded from these, in order, at each start.
CREATE TABLE heard (
    position     bigint PRIMARY KEY,   -- of the registry's store
    aggregate_id text NOT NULL,
    event_type   text NOT NULL,
    data         jsonb NOT NULL
);

CREATE VIEW dashboard.alarm AS
    SELECT id, pond_id, exercise, level, highest, opened, answered, ended FROM alarm;
