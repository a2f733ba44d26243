-- Every state a record ever had: one row a day on which it changed (see shared/eventstore/history.py).
CREATE TABLE letter_history (
    id          text NOT NULL,
    version     integer NOT NULL,
    valid_from  date NOT NULL,
    valid_to    date,
    number      text NOT NULL,
    received_on date NOT NULL,
    state       jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE TABLE finding_history (
    id            text NOT NULL,
    version       integer NOT NULL,
    valid_from    date NOT NULL,
    valid_to      date,
    letter_id     text,
    county        text NOT NULL,
    finding_state text NOT NULL,
    deadline      date,            -- NULL while nobody is assigned, and once it is closed out
    campaign_id   text,
    subject_ids   text[] NOT NULL,
    state         jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE INDEX finding_now ON finding_history (county, finding_state) WHERE valid_to IS NULL;
CREATE INDEX finding_letter ON finding_history (letter_id);
CREATE INDEX finding_due ON finding_history (deadline) WHERE valid_to IS NULL;
CREATE INDEX finding_subjects ON finding_history USING gin (subject_ids);
