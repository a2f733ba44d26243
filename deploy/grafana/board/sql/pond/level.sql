SELECT shown.time, shown.metric, shown.level_m
FROM (
    SELECT p.sensor_id AS metric, p.silent_after_s, r.time, r.value,
        lead(r.time) OVER (PARTITION BY p.sensor_id ORDER BY r.time) - r.time AS gap_s
    FROM dashboard.point p CROSS JOIN LATERAL (
        SELECT $__timeGroupAlias(time, '$__interval'), max(value) AS value
        FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) AND flag <> 4 GROUP BY 1
    ) AS r
    WHERE p.pond_id = ${pond:sqlstring} AND p.quantity = 'level'
) AS seen CROSS JOIN LATERAL (
    VALUES (seen.time, seen.metric, seen.value),
        (CASE WHEN seen.gap_s > greatest($__interval_ms / 1000.0, seen.silent_after_s)
            THEN seen.time + $__interval_ms / 1000.0 END, seen.metric, NULL)
) AS shown (time, metric, level_m)
WHERE shown.time IS NOT NULL
ORDER BY 1
