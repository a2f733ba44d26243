-- The register as it stands: a read model, rebuilt from the events at any time.
CREATE TABLE pond (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    county      text NOT NULL,
    timezone    text NOT NULL,
    grade       smallint,
    crest_level double precision,   -- m
    version     integer NOT NULL    -- of the pond's event stream
);

CREATE TABLE sensor (
    pond_id             text NOT NULL REFERENCES pond (id),
    id                  text NOT NULL,
    kind                text NOT NULL,
    unit                text NOT NULL,
    expected_interval_s integer NOT NULL,
    state               text NOT NULL,
    PRIMARY KEY (pond_id, id)
);

CREATE TABLE limit_document (
    pond_id        text NOT NULL REFERENCES pond (id),
    limits_version integer NOT NULL,
    document       text NOT NULL,
    effective_from date NOT NULL,
    bands          jsonb NOT NULL,
    PRIMARY KEY (pond_id, limits_version)
);

CREATE VIEW dashboard.registered_pond AS
    SELECT id, name, county, timezone, grade, crest_level FROM pond;

CREATE VIEW dashboard.registered_sensor AS
    SELECT pond_id, id, kind, unit, expected_interval_s, state FROM sensor;

CREATE VIEW dashboard.adopted_limits AS
    SELECT pond_id, limits_version, document, effective_from, bands FROM limit_document;
