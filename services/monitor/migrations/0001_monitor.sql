-- The monitor's read model of the register: each pond whole, and the key of every sensor in the series.
CREATE TABLE pond_setup (
    pond_id text PRIMARY KEY,
    version integer NOT NULL,      -- of the pond's stream in the registry
    setup   jsonb   NOT NULL       -- a PondView
);

CREATE TABLE sensor (
    key       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pond_id   text NOT NULL,
    sensor_id text NOT NULL,
    kind      text NOT NULL,
    unit      text NOT NULL,
    UNIQUE (pond_id, sensor_id)
);

-- Warnings as they stand: a read model of the monitor's own events.
CREATE TABLE warning (
    warning_id      text PRIMARY KEY,
    pond_id         text        NOT NULL,
    level           text,                   -- null once cleared
    highest         text        NOT NULL,
    verified        boolean     NOT NULL,
    raised          timestamptz NOT NULL,
    cleared         timestamptz,
    acknowledged_by text,
    acknowledged_at timestamptz,
    handled_by      text,
    handled_at      timestamptz,
    action          text,
    closed_by       text,
    closed_at       timestamptz,
    evidence        text,
    causes          jsonb       NOT NULL,
    version         integer     NOT NULL    -- of the pond's watch stream at the last change
);
CREATE INDEX warning_pond ON warning (pond_id, raised DESC);
CREATE INDEX warning_open ON warning (raised DESC) WHERE closed_at IS NULL;

-- The record: each pond's timeline as the readings and limits make it. Late data rewrite it; the events tell so.
CREATE TABLE timeline (
    pond_id  text        NOT NULL,
    time     timestamptz NOT NULL,
    place    integer     NOT NULL,          -- order among changes of one slot
    event    text        NOT NULL,
    level    text,
    verified boolean     NOT NULL,
    causes   jsonb       NOT NULL,
    PRIMARY KEY (pond_id, time, place)
);

-- Where a restart begins: a slot that no reading can reach any more, and what outlasts it.
CREATE TABLE anchor (
    pond_id     text    PRIMARY KEY,
    born        bigint  NOT NULL,           -- first slot
    slot        bigint  NOT NULL,
    state       jsonb   NOT NULL,           -- the timeline's fold after that slot
    memory_hour bigint  NOT NULL,
    memory      jsonb   NOT NULL            -- sensor key -> hourly state
);

CREATE VIEW dashboard.warning AS SELECT * FROM warning;
CREATE VIEW dashboard.timeline AS SELECT * FROM timeline;
CREATE VIEW dashboard.monitored_sensor AS SELECT key, pond_id, sensor_id, kind, unit FROM sensor;
