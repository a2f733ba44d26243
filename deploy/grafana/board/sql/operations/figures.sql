SELECT s.service, extract(epoch FROM now() - s.newest)::double precision AS age_s, s.figures
FROM (
    SELECT service, max(time) AS newest, count(DISTINCT name) AS figures
    FROM dashboard.figure WHERE time > now() - interval '1 hour' GROUP BY 1
) AS s
UNION ALL
SELECT missing.service, NULL, 0
FROM (VALUES ('registry'), ('cases'), ('monitor'), ('notifier')) AS missing (service)
WHERE NOT EXISTS (
    SELECT FROM dashboard.figure f WHERE f.service = missing.service AND f.time > now() - interval '1 hour')
ORDER BY 1
