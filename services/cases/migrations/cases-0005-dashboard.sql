-- Findings and look-backs as the supervision board shows them: as they stand now, without people's texts.
CREATE VIEW dashboard.finding AS
    SELECT id AS finding_id, state->>'title' AS title, county, finding_state, deadline, letter_id, campaign_id,
           state->>'source' AS source, (state->>'found_on')::date AS found_on, (state->>'reopened')::integer AS reopened,
           state #>> '{assignment,responsible_unit}' AS responsible_unit, state #>> '{assignment,person}' AS person,
           state->'listed' <> 'null'::jsonb AS listed, valid_from AS changed_on
    FROM finding_history WHERE valid_to IS NULL;

CREATE VIEW dashboard.look_back AS
    SELECT f.id AS finding_id, f.state->>'title' AS title, f.county, f.finding_state, (one->>'due')::date AS due,
           (one->>'held_on')::date AS held_on, (one->>'holds')::boolean AS holds, f.valid_from AS changed_on
    FROM finding_history f CROSS JOIN LATERAL jsonb_array_elements(f.state->'look_backs') AS look_backs (one)
    WHERE f.valid_to IS NULL;

-- The board asks for what is not held; of a city's findings few have anything due.
CREATE VIEW dashboard.look_back_due AS
    SELECT f.id AS finding_id, f.state->>'title' AS title, f.county, f.finding_state,
           earliest_look_back(f.state)::date AS due, f.valid_from AS changed_on
    FROM finding_history f WHERE f.valid_to IS NULL AND earliest_look_back(f.state) IS NOT NULL;

-- The office's day, by which deadlines fall due: ALTER DATABASE … SET tailwarden.timezone = '…' where it is elsewhere.
CREATE VIEW dashboard.today AS
    SELECT (now() AT TIME ZONE coalesce(nullif(current_setting('tailwarden.timezone', true), ''), 'Asia/Shanghai'))::date
        AS day;
