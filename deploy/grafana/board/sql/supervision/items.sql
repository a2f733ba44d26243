SELECT i.kind, coalesce(m.name, i.mine_id) AS mine, m.county, m.status AS mine_status,
    i.deadline::text AS deadline, m.counts_until::text AS done_on,
    CASE WHEN m.counts_until IS NULL THEN i.deadline - (SELECT day FROM dashboard.today) END AS left_days
FROM dashboard.plan_item i LEFT JOIN dashboard.plan_mine m ON m.plan_id = i.plan_id AND m.mine_id = i.mine_id
WHERE i.plan_id = ${plan:sqlstring}
ORDER BY m.counts_until IS NOT NULL, i.deadline, 2
