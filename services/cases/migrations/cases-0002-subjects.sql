-- What the registry told of mines and ponds: where else the same check may be due 举一反三.
CREATE TABLE known_subject (
    kind   text NOT NULL,           -- mine, pond
    id     text NOT NULL,
    name   text NOT NULL,
    county text NOT NULL,
    tag    text NOT NULL,           -- its state in the registry's words: in_use, out_of_use, operating, suspended, …
    PRIMARY KEY (kind, id)
);

CREATE INDEX known_subject_county ON known_subject (kind, county);
CREATE INDEX known_subject_tag ON known_subject (kind, tag);
