SELECT f.level AS level_m, f.live_freeboard AS live_freeboard_m, f.regulatory_freeboard AS regulatory_freeboard_m,
    f.design_flood_level AS design_flood_m, f.document, f.age_s
FROM dashboard.freeboard f WHERE f.pond_id = ${pond:sqlstring}
