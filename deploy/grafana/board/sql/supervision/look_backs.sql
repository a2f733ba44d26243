SELECT l.finding_id, l.title, l.county, l.finding_state, l.due::text AS due,
    l.due - (SELECT day FROM dashboard.today) AS left_days,
    (SELECT day FROM dashboard.today) - l.changed_on AS unchanged_days
FROM dashboard.look_back_due l
WHERE l.county IN (${county:sqlstring}) AND l.due <= (SELECT day FROM dashboard.today) + 30
ORDER BY l.due, l.finding_id
LIMIT 100
