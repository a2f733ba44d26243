-- Dashboards show real ponds: those of exercises (drill-…) and of the watchdog are none.
CREATE OR REPLACE VIEW dashboard.warning AS SELECT * FROM warning WHERE pond_id !~ '^(drill-|watchdog$)';
CREATE OR REPLACE VIEW dashboard.timeline AS SELECT * FROM timeline WHERE pond_id !~ '^(drill-|watchdog$)';
CREATE OR REPLACE VIEW dashboard.monitored_sensor AS
    SELECT key, pond_id, sensor_id, kind, unit FROM sensor WHERE pond_id !~ '^(drill-|watchdog$)';
