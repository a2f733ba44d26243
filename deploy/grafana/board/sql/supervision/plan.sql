SELECT p.baseline_count, p.target_count,
    (SELECT count(*) FROM dashboard.plan_mine m WHERE m.plan_id = p.plan_id AND m.counts_until IS NULL) AS mines_now,
    p.baseline_count - (SELECT count(*) FROM dashboard.plan_item i WHERE i.plan_id = p.plan_id
        AND i.deadline <= (SELECT day FROM dashboard.today)) AS planned_now,
    p.deadline - (SELECT day FROM dashboard.today) AS left_days,
    (SELECT day FROM dashboard.today) - greatest(p.changed_on,
        (SELECT max(m.counts_until) FROM dashboard.plan_mine m WHERE m.plan_id = p.plan_id)) AS unchanged_days
FROM dashboard.reduction_plan p WHERE p.plan_id = ${plan:sqlstring}
