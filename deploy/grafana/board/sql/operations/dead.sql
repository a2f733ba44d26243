SELECT $__timeGroupAlias(time, '$__interval'), service AS metric, max(value) AS letters
FROM dashboard.figure
WHERE name IN ('dead_letters_total') AND $__timeFilter(time)
GROUP BY 1, 2 ORDER BY 1
