SELECT l.finding_id, l.title, l.county, l.finding_state, l.due::text AS due,
    l.due - (now() AT TIME ZONE 'Asia/Shanghai')::date AS left_days,
    (now() AT TIME ZONE 'Asia/Shanghai')::date - l.changed_on AS unchanged_days
FROM dashboard.look_back_due l
WHERE l.county IN (${county:sqlstring}) AND l.due <= (now() AT TIME ZONE 'Asia/Shanghai')::date + 30
ORDER BY l.due, l.finding_id
LIMIT 100
