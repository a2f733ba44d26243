SELECT shown.time, shown.level
FROM (
    SELECT greatest(t.time, $__timeFrom()::timestamptz) AS time, coalesce(t.level, 'none') AS level, t.place
    FROM dashboard.timeline t
    WHERE t.pond_id = ${pond:sqlstring} AND t.event IN ('raised', 'escalated', 'eased', 'cleared')
        AND t.time <= $__timeTo()::timestamptz
        AND t.time >= coalesce((SELECT max(time) FROM dashboard.timeline WHERE pond_id = ${pond:sqlstring}
            AND time <= $__timeFrom()::timestamptz AND event IN ('raised', 'escalated', 'eased', 'cleared')), '-infinity')
    UNION ALL
    SELECT now(), coalesce(s.level, CASE s.state WHEN 'normal' THEN 'none' ELSE s.state END), 32767
    FROM dashboard.pond_state s WHERE s.pond_id = ${pond:sqlstring} AND $__timeTo()::timestamptz >= now() - interval '1 minute'
) AS shown
ORDER BY shown.time, shown.place
