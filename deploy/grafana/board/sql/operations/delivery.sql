SELECT bucket AS time, CASE WHEN sum(succeeded) + sum(failed) > 0
    THEN (sum(succeeded) / (sum(succeeded) + sum(failed)))::double precision END AS success_share
FROM (
    SELECT bucket,
        greatest(0, succeeded - lag(succeeded) OVER (PARTITION BY service ORDER BY bucket)) AS succeeded,
        greatest(0, failed - lag(failed) OVER (PARTITION BY service ORDER BY bucket)) AS failed
    FROM (
        SELECT $__timeGroup(time, '$__interval') AS bucket, service,
            max(value) FILTER (WHERE name = 'deliveries_succeeded_total') AS succeeded,
            max(value) FILTER (WHERE name = 'deliveries_failed_total') AS failed
        FROM dashboard.figure
        WHERE name IN ('deliveries_succeeded_total', 'deliveries_failed_total') AND $__timeFilter(time)
        GROUP BY 1, 2
    ) AS totals
) AS steps
GROUP BY 1 ORDER BY 1
