SELECT count(*) FILTER (WHERE f.finding_state <> 'closed_out') AS open,
    count(*) FILTER (WHERE f.finding_state <> 'closed_out' AND f.deadline < (SELECT day FROM dashboard.today)) AS overdue,
    count(*) FILTER (WHERE f.finding_state = 'found') AS unassigned,
    count(*) FILTER (WHERE f.finding_state = 'closed_out') AS closed_out,
    count(*) FILTER (WHERE f.finding_state <> 'closed_out' AND f.reopened > 0) AS relapsed,
    (SELECT day FROM dashboard.today) - max(f.changed_on) AS unchanged_days
FROM dashboard.finding f WHERE f.county IN (${county:sqlstring})
