SELECT n.pond_id, r.name AS pond, n.sensor_id AS sensor, n.h1_mm, n.h3_mm, n.h6_mm, n.h12_mm, n.h24_mm,
    n.coverage_12h AS coverage_share, n.age_s
FROM dashboard.rain_now n JOIN dashboard.registered_pond r ON r.id = n.pond_id
ORDER BY n.h12_mm DESC NULLS LAST, n.h24_mm DESC NULLS LAST, n.coverage_12h
LIMIT 15
