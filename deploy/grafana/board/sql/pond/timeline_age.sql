SELECT least(now(), $__timeTo()::timestamptz) AS time, s.age_s
FROM dashboard.pond_state s WHERE s.pond_id = ${pond:sqlstring}
