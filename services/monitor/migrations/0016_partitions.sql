-- Several monitors share the ponds by partition: each partition has a term of its own, and is served by one of them.
-- `term` stays for monitors of the version before: whoever begins ends their term too.
CREATE TABLE partition_term (
    partition smallint PRIMARY KEY,
    number    bigint   NOT NULL
);
INSERT INTO partition_term SELECT partition, (SELECT number FROM term) FROM generate_series(0, 15) AS partition;

-- Try to have the locks of all *mine*, or none: session locks, which go with their connection. A monitor of the version
-- before holds the whole for itself; those that share it hold that lock together.
CREATE FUNCTION serve_partitions(mine smallint[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    each smallint;
BEGIN
    IF NOT pg_try_advisory_lock_shared(hashtextextended('tailwarden.monitor.serves', 0)) THEN
        RETURN false;
    END IF;
    FOREACH each IN ARRAY mine LOOP
        IF NOT pg_try_advisory_lock(hashtextextended('tailwarden.monitor.serves', 1 + each)) THEN
            PERFORM pg_advisory_unlock_all();
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;

-- Wait until no transaction of another term of *mine* is under way: whoever writes holds these until it commits.
CREATE FUNCTION await_terms(mine smallint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    each smallint;
BEGIN
    FOREACH each IN ARRAY mine LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('tailwarden.monitor.term', 1 + each));
    END LOOP;
END
$$;

-- Begin a term of each of *mine* (ascending) and return their numbers, in that order.
CREATE FUNCTION begin_terms(mine smallint[]) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tailwarden.monitor.term', 0));
    UPDATE term SET number = number + 1;
    PERFORM await_terms(mine);
    UPDATE partition_term SET number = number + 1 WHERE partition = ANY (mine);
    RETURN (SELECT array_agg(number ORDER BY partition) FROM partition_term WHERE partition = ANY (mine));
END
$$;

-- Tell whether *numbers* still are the terms of *mine* (both ascending by partition), and keep them until the end of
-- the transaction. Statements of a volatile function see what was committed before each of them.
CREATE FUNCTION in_terms(mine smallint[], numbers bigint[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM await_terms(mine);
    RETURN (SELECT array_agg(number ORDER BY partition) FROM partition_term WHERE partition = ANY (mine)) = numbers;
END
$$;
