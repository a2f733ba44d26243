-- name: try_lead
SELECT pg_try_advisory_lock(hashtextextended('tailwarden.relay:' || current_schema(), 0))

-- name: cursor
SELECT position, hash FROM relay_cursor WHERE service = %(service)s

-- name: save_cursor
INSERT INTO relay_cursor (service, position, hash) VALUES (%(service)s, %(position)s, %(hash)s)
ON CONFLICT (service) DO UPDATE SET position = excluded.position, hash = excluded.hash, updated_at = now()

-- name: hash_at
SELECT hash FROM event WHERE position = %(position)s

-- name: cursors
SELECT service, position, hash FROM relay_cursor ORDER BY service
