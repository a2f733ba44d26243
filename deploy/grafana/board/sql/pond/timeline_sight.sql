SELECT shown.time, shown.sight
FROM (
    SELECT greatest(t.time, $__timeFrom()::timestamptz) AS time,
        CASE t.event WHEN 'blind' THEN 'blind' ELSE 'seen' END AS sight, t.place
    FROM dashboard.timeline t
    WHERE t.pond_id = ${pond:sqlstring} AND t.event IN ('blind', 'restored') AND t.time <= $__timeTo()::timestamptz
        AND t.time >= coalesce((SELECT max(time) FROM dashboard.timeline WHERE pond_id = ${pond:sqlstring}
            AND time <= $__timeFrom()::timestamptz AND event IN ('blind', 'restored')), '-infinity')
    UNION ALL
    SELECT now(), CASE WHEN s.blind THEN 'blind' ELSE 'seen' END, 32767
    FROM dashboard.pond_state s WHERE s.pond_id = ${pond:sqlstring} AND $__timeTo()::timestamptz >= now() - interval '1 minute'
) AS shown
ORDER BY shown.time, shown.place
