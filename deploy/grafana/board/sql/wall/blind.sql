SELECT r.id AS pond_id, coalesce(s.state, 'unmonitored') AS state, r.name AS pond, r.county, s.blind_since,
    extract(epoch FROM now() - s.blind_since)::double precision AS blind_s, s.silent_sensors, s.age_s
FROM dashboard.registered_pond r LEFT JOIN dashboard.pond_state s ON s.pond_id = r.id
WHERE coalesce(s.blind, true)
ORDER BY s.blind_since NULLS FIRST, r.name
