SELECT r.time, p.sensor_id AS metric, r.rain_mm
FROM dashboard.point p CROSS JOIN LATERAL (
    SELECT $__timeGroupAlias(time, '1h'), sum(value) AS rain_mm
    FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) AND flag <> 4 GROUP BY 1
) AS r
WHERE p.pond_id = ${pond:sqlstring} AND p.kind = 'rain'
ORDER BY 1
