SELECT to_char(month.ends, 'YYYY-MM') AS month,
    p.baseline_count - (SELECT count(*) FROM dashboard.plan_item i
        WHERE i.plan_id = p.plan_id AND i.deadline <= month.ends) AS planned,
    CASE WHEN month.begins <= (SELECT day FROM dashboard.today) THEN nullif((SELECT count(*) FILTER (
            WHERE m.counts_from <= month.ends AND (m.counts_until IS NULL OR m.counts_until > month.ends))
        FROM dashboard.plan_mine m WHERE m.plan_id = p.plan_id), 0) END AS actual,
    p.target_count AS target
FROM dashboard.reduction_plan p CROSS JOIN LATERAL (
    SELECT each::date AS begins, (each + interval '1 month')::date - 1 AS ends
    FROM generate_series(date_trunc('month', p.baseline_on::timestamp), p.deadline::timestamp, interval '1 month') AS each
) AS month
WHERE p.plan_id = ${plan:sqlstring}
ORDER BY 1
