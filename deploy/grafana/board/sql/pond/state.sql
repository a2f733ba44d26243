SELECT s.state, s.blind, s.silent, s.points, extract(epoch FROM now() - s.raised)::double precision AS open_s, s.age_s
FROM dashboard.pond_state s WHERE s.pond_id = ${pond:sqlstring}
