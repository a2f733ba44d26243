SELECT $__timeGroupAlias(step.time, '$__interval', NULL), f.service AS metric, max(f.value) AS letters
FROM generate_series(date_bin(make_interval(secs => $__interval_ms / 1000.0), $__timeFrom()::timestamptz, 'epoch'),
        $__timeTo()::timestamptz, make_interval(secs => $__interval_ms / 1000.0)) AS step (time)
    CROSS JOIN LATERAL (
        SELECT service, name, max(value) AS value FROM dashboard.figure
        WHERE name IN ('dead_letters_total') AND time >= step.time
            AND time < step.time + least(make_interval(secs => $__interval_ms / 1000.0), interval '5 minutes')
        GROUP BY 1, 2
    ) AS f
GROUP BY 1, 2 ORDER BY 1
