SELECT $__timeGroupAlias(time, '$__interval'), service AS metric, max(value) AS messages
FROM dashboard.figure
WHERE name IN ('consumer_lag_messages') AND $__timeFilter(time)
GROUP BY 1, 2 ORDER BY 1
