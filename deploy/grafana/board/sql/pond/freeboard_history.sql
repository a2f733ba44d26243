SELECT r.time, f.crest_level - r.level AS live_freeboard_m
FROM dashboard.freeboard f CROSS JOIN LATERAL (
    SELECT one.time, max(one.level) AS level
    FROM dashboard.point p CROSS JOIN LATERAL (
        SELECT $__timeGroupAlias(time, '$__interval'),
            max(CASE WHEN p.kind = 'water_distance' THEN p.zero_level - value ELSE value END) AS level
        FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) AND flag <> 4 GROUP BY 1
    ) AS one
    WHERE p.pond_id = f.pond_id AND p.quantity = 'level'
    GROUP BY 1
) AS r
WHERE f.pond_id = ${pond:sqlstring}
ORDER BY 1
