-- The event store of one service; applied once per service schema (the schema comes from search_path).
-- "data" and "metadata" are json, not jsonb: json keeps the text exactly as written, and the hash is over that text.
CREATE TABLE event (
    position bigint PRIMARY KEY CHECK (position > 0),
    id uuid NOT NULL UNIQUE,
    stream text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    type text NOT NULL,
    schema_version integer NOT NULL CHECK (schema_version > 0),
    aggregate_id text NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL,
    recorded_at timestamptz NOT NULL,
    previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    UNIQUE (stream, version)
);

CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event table is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_append_only();

-- ALWAYS: session_replication_role = replica must not switch it off.
ALTER TABLE event ENABLE ALWAYS TRIGGER event_append_only;

-- A state worth keeping so that a long stream need not be read whole; always rebuildable from the events.
CREATE TABLE snapshot (
    stream text PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    snapshot_schema integer NOT NULL,
    state json NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now()
);

-- Which published events a consumer of this service has taken in.
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- How far the relay has published, with the hash of that event: an anchor outside the chain.
CREATE TABLE relay_cursor (
    service text PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0),
    hash bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
