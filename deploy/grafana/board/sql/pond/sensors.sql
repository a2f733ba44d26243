SELECT p.sensor_id AS sensor, p.quantity, p.state AS service, p.age_s,
    CASE WHEN p.state <> 'in_service' THEN 'unmonitored' WHEN p.newest IS NULL THEN 'no_data' WHEN p.silent THEN 'silent'
        ELSE 'reporting' END AS seen,
    p.value, p.unit, p.flag, least(1, d.readings * p.expected_interval_s / 86400.0)::double precision AS coverage_share,
    CASE WHEN d.readings > 0 THEN d.doubtful::double precision / d.readings END AS doubtful_share
FROM dashboard.point_state p CROSS JOIN LATERAL (
    SELECT count(*) AS readings, count(*) FILTER (WHERE flag IN (3, 4)) AS doubtful
    FROM dashboard.reading WHERE key = p.key AND time > now() - interval '24 hours'
) AS d
WHERE p.pond_id = ${pond:sqlstring}
ORDER BY p.silent DESC, p.quantity, p.sensor_id
