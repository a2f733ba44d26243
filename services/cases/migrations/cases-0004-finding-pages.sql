-- Lists are counted and paged by these columns alone, without reading the states: of now, and of any day.
CREATE INDEX finding_page_now ON finding_history (id)
    INCLUDE (valid_from, county, finding_state, deadline, letter_id, campaign_id) WHERE valid_to IS NULL;
CREATE INDEX finding_page_days ON finding_history (valid_from, valid_to, id, county, finding_state, deadline);
