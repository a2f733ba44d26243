-- name: try_lead
SELECT pg_try_advisory_lock(hashtextextended('tailwarden.relay:' || current_schema(), 0))

-- name: save_cursor
INSERT INTO relay_cursor (service, position, hash) VALUES (%(service)s, %(position)s, %(hash)s)
ON CONFLICT (service) DO UPDATE SET position = excluded.position, hash = excluded.hash, updated_at = now()

-- name: cursors
SELECT service, position, hash FROM relay_cursor ORDER BY service

-- name: cursor
SELECT position FROM relay_cursor WHERE service = %(service)s
