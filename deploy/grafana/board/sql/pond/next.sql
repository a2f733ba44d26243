SELECT n.sensor_id AS sensor, n.quantity, n.value AS value_m, n.level AS next_level, n.limit_value AS limit_m,
    n.distance AS distance_m, n.slope_per_h AS rise_m_per_h,
    CASE WHEN n.silent THEN 'silent' WHEN n.hours_left IS NULL THEN 'steady' ELSE 'rising' END AS outlook,
    CASE WHEN NOT n.silent THEN n.hours_left END AS left_h, n.document, n.age_s
FROM dashboard.next_limit n WHERE n.pond_id = ${pond:sqlstring}
ORDER BY CASE WHEN NOT n.silent THEN n.hours_left END NULLS LAST, n.distance
