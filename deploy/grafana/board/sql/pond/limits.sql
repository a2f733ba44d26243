SELECT turn.time, l.blue AS blue_m, l.yellow AS yellow_m, l.orange AS orange_m, l.red AS red_m
FROM dashboard.limit_span l
    CROSS JOIN LATERAL (VALUES (greatest(l.begins, $__timeFrom()::timestamptz)),
        (least(l.ends - interval '1 second', $__timeTo()::timestamptz))) AS turn (time)
WHERE l.pond_id = ${pond:sqlstring} AND l.ends > $__timeFrom()::timestamptz AND l.begins <= $__timeTo()::timestamptz
    AND l.sensor_id = (SELECT min(sensor_id) FROM dashboard.point
        WHERE pond_id = ${pond:sqlstring} AND quantity = 'level' AND state <> 'retired')
ORDER BY 1
