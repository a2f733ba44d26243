SELECT $__timeGroupAlias(time, '$__interval'), service AS metric, avg(value) AS rate_per_s
FROM dashboard.figure
WHERE name IN ('ingest_readings_per_s') AND $__timeFilter(time)
GROUP BY 1, 2 ORDER BY 1
