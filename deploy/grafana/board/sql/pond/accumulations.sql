SELECT p.sensor_id AS sensor, r.h1_mm, r.h3_mm, r.h6_mm, r.h12_mm, r.h24_mm,
    least(1, r.readings * p.expected_interval_s / 86400.0)::double precision AS coverage_share,
    extract(epoch FROM $__timeTo()::timestamptz - r.newest)::double precision AS age_s
FROM dashboard.point p CROSS JOIN LATERAL (
    SELECT sum(value) FILTER (WHERE time > $__timeTo()::timestamptz - interval '1 hour') AS h1_mm,
        sum(value) FILTER (WHERE time > $__timeTo()::timestamptz - interval '3 hours') AS h3_mm,
        sum(value) FILTER (WHERE time > $__timeTo()::timestamptz - interval '6 hours') AS h6_mm,
        sum(value) FILTER (WHERE time > $__timeTo()::timestamptz - interval '12 hours') AS h12_mm,
        sum(value) AS h24_mm, count(*) AS readings, max(time) AS newest
    FROM dashboard.reading
    WHERE key = p.key AND time > $__timeTo()::timestamptz - interval '24 hours' AND time <= $__timeTo()::timestamptz
        AND flag <> 4
) AS r
WHERE p.pond_id = ${pond:sqlstring} AND p.kind = 'rain' AND p.state <> 'retired'
ORDER BY 1
