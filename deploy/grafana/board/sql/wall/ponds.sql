SELECT r.id AS pond_id, coalesce(s.state, 'unmonitored') AS state, r.name AS pond, r.county, coalesce(s.blind, true) AS blind,
    s.silent_sensors, s.age_s, coalesce(s.latitude, f.latitude) IS NOT NULL AS on_map
FROM dashboard.registered_pond r
    LEFT JOIN dashboard.pond_state s ON s.pond_id = r.id
    LEFT JOIN dashboard.pond_file f ON f.pond_id = r.id
ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue', 'blind', 'no_data', 'unmonitored', 'normal'],
    coalesce(s.state, 'unmonitored')), s.blind DESC, r.name
