SELECT name || ' (' || id || ')' AS __text, id AS __value FROM dashboard.registered_pond ORDER BY county, name, id
