-- Dashboards show real ponds: those of exercises (drill-…) and of the watchdog are none.
CREATE OR REPLACE VIEW dashboard.registered_pond AS
    SELECT id, name, county, timezone, grade, crest_level FROM pond WHERE id !~ '^(drill-|watchdog$)';

CREATE OR REPLACE VIEW dashboard.registered_sensor AS
    SELECT pond_id, id, kind, unit, expected_interval_s, state FROM sensor WHERE pond_id !~ '^(drill-|watchdog$)';

CREATE OR REPLACE VIEW dashboard.adopted_limits AS
    SELECT pond_id, limits_version, document, effective_from, bands FROM limit_document
    WHERE pond_id !~ '^(drill-|watchdog$)';
