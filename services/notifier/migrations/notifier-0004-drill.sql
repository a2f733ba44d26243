-- Exercises 汛期演练: which pond's shadow plays which storm, and how it ended.
CREATE TABLE drill (
    id        text        PRIMARY KEY,   -- the shadow pond's, too
    pond_id   text        NOT NULL,
    started   timestamptz NOT NULL,
    ended     timestamptz,
    tidied    timestamptz,               -- nothing of it is left
    state     jsonb       NOT NULL
);

CREATE INDEX drill_pond ON drill (pond_id, started DESC);
CREATE INDEX drill_open ON drill (id) WHERE tidied IS NULL;
