-- What the supervision board shows of ponds' files and reduction plans; nothing is stored for it.
CREATE OR REPLACE VIEW dashboard.pond_file AS
    SELECT p.id AS pond_id, p.state->>'name' AS name, p.county, p.pond_use, p.out_of_use_since, p.above_residents,
           (p.state->'facts'->>'people_downstream')::integer AS people_downstream,
           (p.state->'closure'->>'due')::date AS closure_due,
           (p.state->'closure'->>'extended_to')::date AS closure_extended_to,
           p.state->'closure'->'steps'->-1->>'step' AS closure_step,
           p.state->'closure'->'steps'->-1->>'state' AS closure_step_state,
           c.stage AS overdue_stage, c.due_on AS overdue_stage_due,
           (p.state->'facts'->>'longitude')::double precision AS longitude,
           (p.state->'facts'->>'latitude')::double precision AS latitude,
           p.valid_from AS changed_on
    FROM pondfile_history p LEFT JOIN closure_history c ON c.id = p.id AND c.valid_to IS NULL
    WHERE p.valid_to IS NULL AND p.id !~ '^(drill-|watchdog$)';

CREATE VIEW dashboard.reduction_plan AS
    SELECT id AS plan_id, state #>> '{plan,title}' AS title, place, state #>> '{plan,scope}' AS scope,
           (state #>> '{plan,baseline_on}')::date AS baseline_on, (state #>> '{plan,baseline_count}')::integer AS baseline_count,
           (state #>> '{plan,target_count}')::integer AS target_count, (state #>> '{plan,deadline}')::date AS deadline,
           valid_from AS changed_on
    FROM plan_history WHERE valid_to IS NULL;

-- Which mine a plan ends and by when: closures, and of a merger all members but the one that remains.
CREATE VIEW dashboard.plan_item AS
    SELECT p.id AS plan_id, 'closure' AS kind, item->>'mine_id' AS mine_id, (item->>'deadline')::date AS deadline
    FROM plan_history p CROSS JOIN LATERAL jsonb_array_elements(p.state #> '{plan,closures}') AS closures (item)
    WHERE p.valid_to IS NULL
    UNION ALL
    SELECT p.id, 'merger', member, (item->>'deadline')::date
    FROM plan_history p CROSS JOIN LATERAL jsonb_array_elements(p.state #> '{plan,mergers}') AS mergers (item)
        CROSS JOIN LATERAL jsonb_array_elements_text(item->'members') AS members (member)
    WHERE p.valid_to IS NULL AND member <> item->>'into';

-- From when until when each mine of a plan's scope counts as one.
CREATE VIEW dashboard.plan_mine AS
    SELECT p.id AS plan_id, m.id AS mine_id, m.name, m.county, m.status,
           (SELECT min(valid_from) FROM mine_history h WHERE h.id = m.id) AS counts_from,
           CASE WHEN m.status IN ('closed', 'phased_out', 'merged') THEN m.since END AS counts_until
    FROM plan_history p JOIN mine_history m ON m.valid_to IS NULL AND CASE
        WHEN p.state #>> '{plan,scope}' = 'county' THEN m.county = p.place
        ELSE jsonb_array_length(p.state #> '{plan,counties}') = 0 OR p.state #> '{plan,counties}' ? m.county END
    WHERE p.valid_to IS NULL;
