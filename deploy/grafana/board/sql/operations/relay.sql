SELECT $__timeGroupAlias(time, '$__interval'), service AS metric, max(value) AS events
FROM dashboard.figure
WHERE name IN ('relay_lag_events') AND $__timeFilter(time)
GROUP BY 1, 2 ORDER BY 1
