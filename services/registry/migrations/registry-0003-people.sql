-- People, the responsibility grid and duty rosters over time: read models, rebuilt from the events at any time.
CREATE TABLE person_history (
    id           text NOT NULL,
    version      integer NOT NULL,
    valid_from   date NOT NULL,
    valid_to     date,
    name         text NOT NULL,
    organisation text NOT NULL,
    level        text,
    left_on      date,
    state        jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);
CREATE INDEX person_now ON person_history (name, id) WHERE valid_to IS NULL;

CREATE TABLE grid_history (
    id         text NOT NULL,
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    kind       text NOT NULL,
    place      text NOT NULL,
    people     text[] NOT NULL,   -- whoever bears a duty or stands in, past ones too
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);
CREATE INDEX grid_now ON grid_history (kind, place) WHERE valid_to IS NULL;
CREATE INDEX grid_people_now ON grid_history USING gin (people) WHERE valid_to IS NULL;

CREATE TABLE roster_history (
    id         text NOT NULL,
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    place      text NOT NULL,     -- its key
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);
CREATE INDEX roster_now ON roster_history (place, id) WHERE valid_to IS NULL;

-- Addresses are personal secrets: outside of the events, of every read model and of the dashboards' schema. The table
-- has no checks on its values, for the message of a broken one would carry them into the server's log.
CREATE TABLE contact (
    person_id text NOT NULL,
    place     smallint NOT NULL,  -- 1 is tried first
    channel   text NOT NULL,
    address   text NOT NULL,
    PRIMARY KEY (person_id, place)
);
