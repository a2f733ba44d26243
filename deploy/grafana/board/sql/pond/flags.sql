SELECT to_timestamp(due.bucket) AS time, coalesce(got.suspect, 0) AS suspect, coalesce(got.failed, 0) AS failed,
    coalesce(got.unjudged, 0) AS unjudged, greatest(0, round(due.readings - coalesce(got.readings, 0))) AS missing
FROM (
    SELECT bucket, sum($__interval_ms / 1000.0 / p.expected_interval_s) AS readings
    FROM dashboard.point p CROSS JOIN generate_series(
        floor($__unixEpochFrom() * 1000.0 / $__interval_ms) * $__interval_ms / 1000,
        least($__unixEpochTo(), extract(epoch FROM now())) - $__interval_ms / 1000, $__interval_ms / 1000.0) AS bucket
    WHERE p.pond_id = ${pond:sqlstring} AND p.state = 'in_service'
    GROUP BY 1
) AS due LEFT JOIN (
    SELECT r.bucket, sum(r.suspect) AS suspect, sum(r.failed) AS failed, sum(r.unjudged) AS unjudged,
        sum(r.readings) AS readings
    FROM dashboard.point p CROSS JOIN LATERAL (
        SELECT $__timeGroup(time, '$__interval') AS bucket, count(*) AS readings, count(*) FILTER (WHERE flag = 3) AS suspect,
            count(*) FILTER (WHERE flag = 4) AS failed, count(*) FILTER (WHERE flag = 2) AS unjudged
        FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) GROUP BY 1
    ) AS r
    WHERE p.pond_id = ${pond:sqlstring} AND p.state = 'in_service'
    GROUP BY 1
) AS got ON got.bucket = due.bucket
ORDER BY 1
