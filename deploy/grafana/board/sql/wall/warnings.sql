SELECT w.pond_id, coalesce(w.level, 'cleared') AS standing, w.highest, r.name AS pond, w.raised,
    extract(epoch FROM now() - w.raised)::double precision AS open_s, w.verified,
    w.causes -> 0 ->> 'rule' AS rule, coalesce(nullif(w.causes -> 0 ->> 'sensor', ''), w.causes -> 1 ->> 'sensor') AS sensor, who.answered_by, who.told, w.acknowledged_by,
    s.age_s
FROM dashboard.warning w
    JOIN dashboard.registered_pond r ON r.id = w.pond_id
    LEFT JOIN dashboard.pond_state s ON s.pond_id = w.pond_id
    LEFT JOIN LATERAL (
        SELECT string_agg(p.name, ', ' ORDER BY p.answered) FILTER (WHERE p.answer <> 'cannot_go') AS answered_by,
            count(*) AS told
        FROM dashboard.alarm_person p WHERE p.alarm_id = w.warning_id
    ) AS who ON true
WHERE w.closed_at IS NULL
ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue', 'cleared'], coalesce(w.level, 'cleared')), w.raised
LIMIT 200
