-- Every state a record ever had (see shared/eventstore/history.py): what clocks said, evidence, cases, campaigns.
CREATE TABLE deadline_history (
    id         text NOT NULL,          -- the finding's
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE TABLE evidence_history (
    id         text NOT NULL,          -- SHA-256 of the bytes
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    received   date NOT NULL,
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE TABLE casefile_history (
    id         text NOT NULL,
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    case_kind  text NOT NULL,
    county     text NOT NULL,
    opened_on  date NOT NULL,
    closed     boolean NOT NULL,
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE INDEX casefile_now ON casefile_history (case_kind, closed, opened_on) WHERE valid_to IS NULL;

CREATE TABLE campaign_history (
    id         text NOT NULL,
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    begins     date NOT NULL,
    closed     boolean NOT NULL,
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE INDEX finding_campaign ON finding_history (campaign_id) WHERE campaign_id IS NOT NULL;

-- The day the earliest look-back is due that was not held, as ISO text (which sorts as days do), or NULL.
CREATE FUNCTION earliest_look_back(state jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT min(due #>> '{}')
            FROM jsonb_path_query(state, '$.look_backs[*] ? (@.held_on == null).due') AS due);

CREATE INDEX finding_look_back ON finding_history (earliest_look_back(state))
    WHERE earliest_look_back(state) IS NOT NULL;

-- The clock's own memory, no record: which state of a finding it has looked at, and when to look again.
-- Losing it costs a look at every finding, nothing else.
CREATE TABLE deadline_plan (
    finding_id text PRIMARY KEY,
    version    integer NOT NULL,       -- of the finding's stream
    policy     text NOT NULL,          -- under which stages, and which calendar
    next_on    date                    -- NULL: nothing falls due unless the finding changes
);
