SELECT r.id AS pond_id, r.name AS pond, r.county, coalesce(s.state, 'unmonitored') AS state, s.blind, s.age_s,
    coalesce(s.latitude, f.latitude) AS latitude, coalesce(s.longitude, f.longitude) AS longitude
FROM dashboard.registered_pond r
    LEFT JOIN dashboard.pond_state s ON s.pond_id = r.id
    LEFT JOIN dashboard.pond_file f ON f.pond_id = r.id
WHERE coalesce(s.latitude, f.latitude) IS NOT NULL AND coalesce(s.longitude, f.longitude) IS NOT NULL
ORDER BY array_position(ARRAY['normal', 'unmonitored', 'no_data', 'blind', 'blue', 'yellow', 'orange', 'red'],
    coalesce(s.state, 'unmonitored'))
