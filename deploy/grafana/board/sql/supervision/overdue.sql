SELECT f.finding_id, f.title, f.county, f.finding_state, f.responsible_unit, f.person, f.deadline::text AS deadline,
    (SELECT day FROM dashboard.today) - f.deadline AS late_days, f.listed,
    (SELECT day FROM dashboard.today) - f.changed_on AS unchanged_days
FROM dashboard.finding f
WHERE f.county IN (${county:sqlstring}) AND f.finding_state <> 'closed_out'
    AND f.deadline < (SELECT day FROM dashboard.today)
ORDER BY f.deadline, f.finding_id
LIMIT 100
