SELECT $__timeGroupAlias(steps.time, '$__interval', NULL), CASE WHEN sum(steps.succeeded) + sum(steps.failed) > 0
    THEN sum(steps.succeeded) / (sum(steps.succeeded) + sum(steps.failed)) END AS success_share
FROM (
    SELECT totals.time,
        greatest(0, totals.succeeded - lag(totals.succeeded) OVER (PARTITION BY totals.service ORDER BY totals.time)) AS succeeded,
        greatest(0, totals.failed - lag(totals.failed) OVER (PARTITION BY totals.service ORDER BY totals.time)) AS failed
    FROM (
        SELECT step.time, f.service, max(f.value) FILTER (WHERE f.name = 'deliveries_succeeded_total') AS succeeded,
            max(f.value) FILTER (WHERE f.name = 'deliveries_failed_total') AS failed
        FROM generate_series(date_bin(make_interval(secs => $__interval_ms / 1000.0), $__timeFrom()::timestamptz, 'epoch'),
                $__timeTo()::timestamptz, make_interval(secs => $__interval_ms / 1000.0)) AS step (time)
            CROSS JOIN LATERAL (
                SELECT service, name, max(value) AS value FROM dashboard.figure
                WHERE name IN ('deliveries_succeeded_total', 'deliveries_failed_total') AND time >= step.time
                    AND time < step.time + least(make_interval(secs => $__interval_ms / 1000.0), interval '1 minute')
                GROUP BY 1, 2
            ) AS f
        GROUP BY 1, 2
    ) AS totals
) AS steps
GROUP BY 1 ORDER BY 1
