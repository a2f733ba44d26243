SELECT r.time, p.sensor_id AS metric, r.value AS level_m
FROM dashboard.point p CROSS JOIN LATERAL (
    SELECT $__timeGroupAlias(time, '$__interval'),
        max(CASE WHEN p.kind = 'water_distance' THEN p.zero_level - value ELSE value END) AS value
    FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) AND flag <> 4 GROUP BY 1
) AS r
WHERE p.pond_id = ${pond:sqlstring} AND p.quantity = 'level'
ORDER BY 1
