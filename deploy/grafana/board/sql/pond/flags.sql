SELECT due.bucket AS time, coalesce(got.suspect, 0) AS suspect, coalesce(got.failed, 0) AS failed,
    coalesce(got.unjudged, 0) AS unjudged, greatest(0, round(due.readings - coalesce(got.readings, 0))) AS missing
FROM (
    SELECT bucket, sum($__interval_ms / 1000.0 / p.expected_interval_s) AS readings
    FROM dashboard.point p CROSS JOIN generate_series(
        date_bin(make_interval(secs => $__interval_ms / 1000.0), $__timeFrom()::timestamptz, 'epoch')
            + make_interval(secs => $__interval_ms / 1000.0),
        least($__timeTo()::timestamptz, now()) - make_interval(secs => $__interval_ms / 1000.0),
        make_interval(secs => $__interval_ms / 1000.0)) AS bucket
    WHERE p.pond_id = ${pond:sqlstring} AND p.state = 'in_service'
    GROUP BY 1
) AS due LEFT JOIN (
    SELECT r.bucket, sum(r.suspect) AS suspect, sum(r.failed) AS failed, sum(r.unjudged) AS unjudged,
        sum(r.readings) AS readings
    FROM dashboard.point p CROSS JOIN LATERAL (
        SELECT date_bin(make_interval(secs => $__interval_ms / 1000.0), time, 'epoch') AS bucket, count(*) AS readings,
            0 AS suspect, 0 AS failed, 0 AS unjudged
        FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) GROUP BY 1
        UNION ALL
        SELECT date_bin(make_interval(secs => $__interval_ms / 1000.0), time, 'epoch'), 0,
            count(*) FILTER (WHERE flag = 3), count(*) FILTER (WHERE flag = 4), count(*) FILTER (WHERE flag = 2)
        FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) AND flag <> 1 GROUP BY 1
    ) AS r
    WHERE p.pond_id = ${pond:sqlstring} AND p.state = 'in_service'
    GROUP BY 1
) AS got ON got.bucket = due.bucket
ORDER BY 1
