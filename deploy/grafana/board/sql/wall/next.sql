SELECT n.pond_id, r.name AS pond, n.sensor_id AS sensor, n.quantity, n.value AS value_m, n.level AS next_level,
    n.limit_value AS limit_m, n.distance AS distance_m, n.slope_per_h AS rise_m_per_h,
    CASE WHEN n.silent THEN 'silent' WHEN n.hours_left IS NULL THEN 'steady' ELSE 'rising' END AS outlook,
    CASE WHEN NOT n.silent THEN n.hours_left END AS left_h, n.age_s
FROM dashboard.next_limit n JOIN dashboard.registered_pond r ON r.id = n.pond_id
ORDER BY CASE WHEN NOT n.silent THEN n.hours_left END NULLS LAST, n.silent DESC, n.distance
LIMIT 15
