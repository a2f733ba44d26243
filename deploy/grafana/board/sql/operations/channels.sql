SELECT coalesce(d.channel, '–') AS channel, count(*) FILTER (WHERE d.state = 'sent') AS sent,
    count(*) FILTER (WHERE d.state = 'failed') AS failed, count(*) FILTER (WHERE d.state IN ('waiting', 'sending')) AS waiting,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.settled_at - d.created_at)::double precision)
        FILTER (WHERE d.state = 'sent') AS took_s,
    extract(epoch FROM now() - max(d.created_at))::double precision AS age_s, max(c.down_since) AS down_since
FROM dashboard.delivery d LEFT JOIN dashboard.channel_down c ON c.channel = d.channel
WHERE $__timeFilter(d.created_at) AND NOT d.exercise
GROUP BY 1 ORDER BY 1
