SELECT w.raised AS time, coalesce(w.cleared, now()) AS timeend, w.warning_id AS title,
    concat_ws(' · ', @level(w.highest), @rule(w.causes -> 0 ->> 'rule'), coalesce(nullif(w.causes -> 0 ->> 'sensor', ''), w.causes -> 1 ->> 'sensor'), w.acknowledged_by) AS text,
    concat_ws(',', 'tailwarden', w.highest) AS tags
FROM dashboard.warning w
WHERE w.pond_id = ${pond:sqlstring} AND w.raised <= $__timeTo()::timestamptz
    AND coalesce(w.cleared, 'infinity') >= $__timeFrom()::timestamptz
ORDER BY 1
