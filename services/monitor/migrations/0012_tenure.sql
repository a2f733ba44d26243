-- One monitor writes at a time. It holds a session lock, and each of its transactions names the term it serves:
-- a monitor that was thought dead, or started twice by mistake, finds its term over and can write no more.
CREATE TABLE term (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    number bigint  NOT NULL
);
INSERT INTO term (number) VALUES (0);

-- Wait until no transaction of another term is under way, then tell whether *mine* still is the term.
-- Statements of a volatile function see what was committed before each of them, so the look follows the wait.
CREATE FUNCTION in_term(mine bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tailwarden.monitor.term', 0));
    RETURN (SELECT number FROM term) = mine;
END
$$;

-- How far the readings of a stream are in this database: moved on in the transaction that stores them.
CREATE TABLE telemetry_position (
    consumer text        PRIMARY KEY,
    created  timestamptz NOT NULL,  -- of the stream: one that was made anew counts from 1 again
    sequence bigint      NOT NULL
);
