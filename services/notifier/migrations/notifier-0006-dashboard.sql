-- Dashboards show real ponds: exercises and the watchdog are none. Who was told of an alarm and who answered: names,
-- which stand on the alarm itself, never addresses.
CREATE OR REPLACE VIEW dashboard.alarm AS
    SELECT id, pond_id, exercise, level, highest, opened, answered, ended FROM alarm
    WHERE pond_id !~ '^(drill-|watchdog$)';

CREATE OR REPLACE VIEW dashboard.delivery AS
    SELECT id, alarm_id, pond_id, person_id, kind, exercise, urgency, state, channel, attempt, maybe_again, why,
           created_at, due_at, first_tried_at, settled_at
    FROM delivery WHERE pond_id !~ '^(drill-|watchdog$)';

CREATE INDEX delivery_created ON delivery (created_at);

CREATE VIEW dashboard.alarm_person AS
    SELECT a.id AS alarm_id, a.pond_id, told->>'person_id' AS person_id, told->>'name' AS name, told->>'role' AS role,
           (told->>'rank')::integer AS rank, (told->>'decided')::timestamptz AS decided,
           (told->>'sent')::timestamptz AS sent, (told->>'read')::timestamptz AS read,
           (told->>'answered')::timestamptz AS answered, told->>'answer' AS answer, (told->>'acted')::timestamptz AS acted
    FROM alarm a CROSS JOIN LATERAL jsonb_each(a.state->'people') AS people (id, told)
    WHERE a.pond_id !~ '^(drill-|watchdog$)';
