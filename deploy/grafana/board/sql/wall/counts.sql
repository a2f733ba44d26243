SELECT count(*) FILTER (WHERE s.state = 'red') AS red,
    count(*) FILTER (WHERE s.state = 'orange') AS orange,
    count(*) FILTER (WHERE s.state = 'yellow') AS yellow,
    count(*) FILTER (WHERE s.state = 'blue') AS blue,
    count(*) FILTER (WHERE coalesce(s.blind, true) AND coalesce(s.state, '') <> 'unmonitored') AS blind,
    count(*) FILTER (WHERE coalesce(s.state, 'unmonitored') = 'unmonitored') AS unmonitored,
    count(*) FILTER (WHERE s.state = 'normal') AS normal,
    min(s.age_s) AS age_s
FROM dashboard.registered_pond r LEFT JOIN dashboard.pond_state s ON s.pond_id = r.id
