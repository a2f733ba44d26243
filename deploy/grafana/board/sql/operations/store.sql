SELECT $__timeGroupAlias(time, '$__interval'), replace(name, 'publish_to_store_ms_', '') AS metric, max(value) AS delay_ms
FROM dashboard.figure
WHERE name IN ('publish_to_store_ms_p50', 'publish_to_store_ms_p99') AND $__timeFilter(time)
GROUP BY 1, 2 ORDER BY 1
