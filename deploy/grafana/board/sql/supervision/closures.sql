SELECT f.pond_id, f.name AS pond, f.county, f.pond_use, f.closure_step, f.closure_step_state AS step_state,
    coalesce(f.closure_extended_to, f.closure_due)::text AS due,
    coalesce(f.closure_extended_to, f.closure_due) - (SELECT day FROM dashboard.today) AS left_days,
    f.out_of_use_since::text AS out_of_use_since, f.overdue_stage, f.above_residents, f.people_downstream,
    (SELECT day FROM dashboard.today) - f.changed_on AS unchanged_days
FROM dashboard.pond_file f
WHERE f.pond_use IN ('out_of_use', 'closing', 'closed') AND f.county IN (${county:sqlstring})
ORDER BY f.overdue_stage DESC NULLS LAST, 8 NULLS LAST, f.out_of_use_since
LIMIT 200
