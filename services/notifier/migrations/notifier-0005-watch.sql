-- Bulletins that were issued, by the hour they are for: a scheduled one goes out once.
CREATE TABLE bulletin (
    id        text        PRIMARY KEY,
    hour      timestamptz NOT NULL,
    scheduled boolean     NOT NULL,
    issued    timestamptz NOT NULL
);

CREATE UNIQUE INDEX bulletin_hour ON bulletin (hour) WHERE scheduled;

-- When ponds were not seen, as heard from the monitor (a copy of what it published, not derived from our own events).
CREATE TABLE blind_spell (
    pond_id text        NOT NULL,
    began   timestamptz NOT NULL,
    ended   timestamptz,
    PRIMARY KEY (pond_id, began)
);

CREATE UNIQUE INDEX blind_spell_open ON blind_spell (pond_id) WHERE ended IS NULL;
CREATE INDEX alarm_opened ON alarm (opened);
