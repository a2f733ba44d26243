-- From "it was decided to tell a person" to "a provider took it". Rows stand in the transaction of the decision, and
-- are settled in the transaction of the events that record what became of them.
CREATE TABLE delivery (
    seq            bigint      GENERATED ALWAYS AS IDENTITY,
    id             text        PRIMARY KEY,      -- the decision's: putting it twice is putting it once
    alarm_id       text        NOT NULL,
    pond_id        text        NOT NULL,
    person_id      text        NOT NULL,
    kind           text        NOT NULL,
    revision       integer     NOT NULL,
    exercise       boolean     NOT NULL,
    urgency        smallint    NOT NULL,         -- 4 red … 1 blue, 0 no level
    channels       text[]      NOT NULL,         -- kinds of address, in the order in which they are tried
    message        jsonb       NOT NULL,         -- facts, no address
    created_at     timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    state          text        NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'sending', 'sent', 'failed')),
    run            uuid,                         -- of the process that is sending it
    channel        text,                         -- by which it was tried last, or sent
    channel_index  integer     NOT NULL DEFAULT 0,
    attempt        integer     NOT NULL DEFAULT 0,  -- in all
    tries          integer     NOT NULL DEFAULT 0,  -- by the channel it is at
    rounds         integer     NOT NULL DEFAULT 0,  -- how often every channel had failed
    maybe_again    boolean     NOT NULL DEFAULT false,
    why            text        NOT NULL DEFAULT '',
    first_tried_at timestamptz,
    settled_at     timestamptz
);

CREATE INDEX delivery_waiting ON delivery (due_at) WHERE state = 'waiting';
CREATE INDEX delivery_sending ON delivery (run) WHERE state = 'sending';
CREATE INDEX delivery_alarm ON delivery (alarm_id, person_id, seq);
CREATE INDEX delivery_settled ON delivery (settled_at) WHERE settled_at IS NOT NULL;

-- Channels that fail for everybody: told once, looked at again at probe_at.
CREATE TABLE channel_health (
    channel    text        PRIMARY KEY,
    down_since timestamptz,
    why        text        NOT NULL DEFAULT '',
    probe_at   timestamptz
);

-- Token buckets, shared by all senders and kept over restarts: a provider counts on regardless.
CREATE TABLE channel_rate (
    channel       text             PRIMARY KEY,
    second_tokens double precision NOT NULL,
    minute_tokens double precision NOT NULL,
    at            timestamptz      NOT NULL
);

CREATE VIEW dashboard.delivery AS
    SELECT id, alarm_id, pond_id, person_id, kind, exercise, urgency, state, channel, attempt, maybe_again, why,
           created_at, due_at, first_tried_at, settled_at
    FROM delivery;

CREATE VIEW dashboard.channel_down AS
    SELECT channel, down_since, why FROM channel_health WHERE down_since IS NOT NULL;
