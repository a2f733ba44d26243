-- name: lock_appends
-- Its own statement: under READ COMMITTED the next one then sees everything committed by whoever held the lock before.
SELECT pg_advisory_xact_lock(hashtextextended('tailwarden.event:' || current_schema(), 0))

-- name: head
SELECT coalesce(last.position, 0), last.hash,
       coalesce((SELECT max(version) FROM event WHERE stream = %(stream)s), 0)
FROM (VALUES (1)) AS one LEFT JOIN
     (SELECT position, hash FROM event ORDER BY position DESC LIMIT 1) AS last ON true

-- name: insert_events
INSERT INTO event (position, id, stream, version, type, schema_version, aggregate_id, data, metadata,
                   recorded_at, previous_hash, hash)
SELECT new.position, new.id, %(stream)s, new.version, new.type, new.schema_version, new.aggregate_id,
       new.data::json, new.metadata::json, %(recorded_at)s, new.previous_hash, new.hash
FROM unnest(%(positions)s::bigint[], %(ids)s::uuid[], %(versions)s::int[], %(types)s::text[],
            %(schema_versions)s::int[], %(aggregate_ids)s::text[], %(data)s::text[], %(metadata)s::text[],
            %(previous_hashes)s::bytea[], %(hashes)s::bytea[])
     AS new (position, id, version, type, schema_version, aggregate_id, data, metadata, previous_hash, hash)

-- name: read_stream
SELECT position, id, stream, version, type, schema_version, aggregate_id, data::text, metadata::text, recorded_at, hash
FROM event WHERE stream = %(stream)s AND version > %(after)s ORDER BY version

-- name: read_all
SELECT position, id, stream, version, type, schema_version, aggregate_id, data::text, metadata::text, recorded_at, hash
FROM event WHERE position > %(after)s ORDER BY position LIMIT %(batch)s

-- name: read_chain
SELECT position, id::text, stream, version, type, schema_version, aggregate_id, data::text, metadata::text,
       recorded_at, previous_hash, hash
FROM event WHERE position > %(after)s ORDER BY position LIMIT %(batch)s

-- name: save_snapshot
INSERT INTO snapshot AS old (stream, version, snapshot_schema, state)
VALUES (%(stream)s, %(version)s, %(snapshot_schema)s, %(state)s::text::json)
ON CONFLICT (stream) DO UPDATE
SET version = excluded.version, snapshot_schema = excluded.snapshot_schema, state = excluded.state, saved_at = now()
WHERE old.snapshot_schema <> excluded.snapshot_schema OR old.version < excluded.version

-- name: load_snapshot
SELECT version, state::text FROM snapshot WHERE stream = %(stream)s AND snapshot_schema = %(snapshot_schema)s

-- name: first_time
INSERT INTO inbox (consumer, event_id) VALUES (%(consumer)s, %(event_id)s) ON CONFLICT DO NOTHING
