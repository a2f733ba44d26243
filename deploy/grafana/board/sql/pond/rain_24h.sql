SELECT h.bucket AS time, p.sensor_id || ' Σ24h' AS metric, h.rain_24h_mm
FROM dashboard.point p CROSS JOIN LATERAL (
    SELECT bucket, sum(rain) OVER (ORDER BY bucket RANGE BETWEEN interval '23 hours' PRECEDING AND CURRENT ROW) AS rain_24h_mm
    FROM (
        SELECT date_bin('1 hour', time, 'epoch') AS bucket, sum(value) AS rain
        FROM dashboard.reading
        WHERE key = p.key AND time BETWEEN $__timeFrom()::timestamptz - interval '24 hours' AND $__timeTo()::timestamptz
            AND flag <> 4
        GROUP BY 1
    ) AS hours
) AS h
WHERE p.pond_id = ${pond:sqlstring} AND p.kind = 'rain' AND $__timeFilter(h.bucket)
ORDER BY 1
