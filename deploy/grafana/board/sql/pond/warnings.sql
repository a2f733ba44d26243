SELECT w.raised, coalesce(w.level, 'cleared') AS standing, w.highest, w.cleared, w.verified, w.causes -> 0 ->> 'rule' AS rule,
    coalesce(nullif(w.causes -> 0 ->> 'sensor', ''), w.causes -> 1 ->> 'sensor') AS sensor, w.acknowledged_by, w.handled_by, w.closed_by, s.age_s
FROM dashboard.warning w JOIN dashboard.pond_state s ON s.pond_id = w.pond_id
WHERE w.pond_id = ${pond:sqlstring} AND w.raised <= $__timeTo()::timestamptz
    AND coalesce(w.cleared, 'infinity') >= $__timeFrom()::timestamptz
ORDER BY w.raised DESC
LIMIT 50
