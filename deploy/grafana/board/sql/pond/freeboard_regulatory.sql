SELECT turn.time, f.crest_level - l.red AS regulatory_freeboard_m
FROM dashboard.freeboard f
    JOIN dashboard.limit_span l ON l.pond_id = f.pond_id
    CROSS JOIN LATERAL (VALUES (greatest(l.begins, $__timeFrom()::timestamptz)),
        (least(l.ends - interval '1 second', $__timeTo()::timestamptz))) AS turn (time)
WHERE f.pond_id = ${pond:sqlstring} AND l.pond_id = ${pond:sqlstring}
    AND l.ends > $__timeFrom()::timestamptz AND l.begins <= $__timeTo()::timestamptz
    AND l.sensor_id = (SELECT min(sensor_id) FROM dashboard.point
        WHERE pond_id = ${pond:sqlstring} AND quantity = 'level' AND state <> 'retired')
ORDER BY 1
