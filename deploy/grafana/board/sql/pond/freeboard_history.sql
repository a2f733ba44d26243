SELECT shown.time, shown.live_freeboard_m
FROM (
    SELECT levels.time, f.crest_level - levels.level AS freeboard, levels.silent_after_s,
        lead(levels.time) OVER (ORDER BY levels.time) - levels.time AS gap_s
    FROM dashboard.freeboard f CROSS JOIN LATERAL (
        SELECT one.time, max(one.level) AS level, max(p.silent_after_s) AS silent_after_s
        FROM dashboard.point p CROSS JOIN LATERAL (
            SELECT $__timeGroupAlias(time, '$__interval'), max(value) AS level
            FROM dashboard.reading WHERE key = p.key AND $__timeFilter(time) AND flag <> 4 GROUP BY 1
        ) AS one
        WHERE p.pond_id = f.pond_id AND p.quantity = 'level'
        GROUP BY 1
    ) AS levels
    WHERE f.pond_id = ${pond:sqlstring}
) AS seen CROSS JOIN LATERAL (
    VALUES (seen.time, seen.freeboard),
        (CASE WHEN seen.gap_s > greatest($__interval_ms / 1000.0, seen.silent_after_s)
            THEN seen.time + $__interval_ms / 1000.0 END, NULL)
) AS shown (time, live_freeboard_m)
WHERE shown.time IS NOT NULL
ORDER BY 1
