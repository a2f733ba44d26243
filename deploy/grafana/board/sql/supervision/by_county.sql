SELECT f.county, count(*) FILTER (WHERE f.finding_state = 'found') AS found,
    count(*) FILTER (WHERE f.finding_state = 'assigned') AS assigned,
    count(*) FILTER (WHERE f.finding_state = 'rectifying') AS rectifying,
    count(*) FILTER (WHERE f.finding_state = 'submitted') AS submitted,
    count(*) FILTER (WHERE f.finding_state = 'passed') AS passed
FROM dashboard.finding f WHERE f.county IN (${county:sqlstring}) AND f.finding_state <> 'closed_out'
GROUP BY 1 ORDER BY count(*) DESC, 1
