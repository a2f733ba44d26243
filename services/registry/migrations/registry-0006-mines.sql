-- Mines, mergers and reduction plans over time: read models, rebuilt from the events at any time.
CREATE TABLE mine_history (
    id         text NOT NULL,
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    county     text NOT NULL,
    name       text NOT NULL,
    status     text NOT NULL,
    since      date NOT NULL,     -- day from which the status holds
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);
CREATE INDEX mine_now ON mine_history (county, id) WHERE valid_to IS NULL;
CREATE INDEX mine_status_now ON mine_history (status, county, id) WHERE valid_to IS NULL;

CREATE TABLE merger_history (
    id           text NOT NULL,
    version      integer NOT NULL,
    valid_from   date NOT NULL,
    valid_to     date,
    merger_state text NOT NULL,
    deadline     date NOT NULL,
    state        jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);
CREATE INDEX merger_now ON merger_history (merger_state, deadline, id) WHERE valid_to IS NULL;

CREATE TABLE plan_history (
    id         text NOT NULL,
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    place      text NOT NULL,
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);
CREATE INDEX plan_now ON plan_history (place, id) WHERE valid_to IS NULL;

CREATE VIEW dashboard.mine AS
    SELECT id AS mine_id, name, county, status, since,
           coalesce(state->'closure'->>'deadline', state->'phase_out'->>'deadline')::date AS ends_by,
           coalesce(state->'closure'->>'responsible', state->'phase_out'->>'responsible') AS responsible,
           state->'merger'->>'merger_id' AS merger_id
    FROM mine_history WHERE valid_to IS NULL;
