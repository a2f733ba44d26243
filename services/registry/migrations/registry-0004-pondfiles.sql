-- Ponds' files over time, and what the register raised by itself of ponds out of use too long.
CREATE TABLE pondfile_history (
    id               text NOT NULL,
    version          integer NOT NULL,
    valid_from       date NOT NULL,
    valid_to         date,
    county           text NOT NULL,
    pond_use         text NOT NULL,
    out_of_use_since date,
    above_residents  boolean NOT NULL,
    state            jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE INDEX pondfile_now ON pondfile_history (county, id) WHERE valid_to IS NULL;
CREATE INDEX pondfile_use_now ON pondfile_history (pond_use, id) WHERE valid_to IS NULL;
CREATE INDEX pondfile_out_of_use_now ON pondfile_history (out_of_use_since)
    WHERE valid_to IS NULL AND out_of_use_since IS NOT NULL;

CREATE TABLE closure_history (
    id               text NOT NULL,
    version          integer NOT NULL,
    valid_from       date NOT NULL,
    valid_to         date,
    out_of_use_since date NOT NULL,
    stage            integer NOT NULL,
    due_on           date NOT NULL,
    state            jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE INDEX closure_now ON closure_history (id) WHERE valid_to IS NULL;

CREATE VIEW dashboard.pond_file AS
    SELECT p.id AS pond_id, p.state->>'name' AS name, p.county, p.pond_use, p.out_of_use_since, p.above_residents,
           (p.state->'facts'->>'people_downstream')::integer AS people_downstream,
           (p.state->'closure'->>'due')::date AS closure_due,
           (p.state->'closure'->>'extended_to')::date AS closure_extended_to,
           p.state->'closure'->'steps'->-1->>'step' AS closure_step,
           p.state->'closure'->'steps'->-1->>'state' AS closure_step_state,
           c.stage AS overdue_stage, c.due_on AS overdue_stage_due
    FROM pondfile_history p LEFT JOIN closure_history c ON c.id = p.id AND c.valid_to IS NULL
    WHERE p.valid_to IS NULL;
