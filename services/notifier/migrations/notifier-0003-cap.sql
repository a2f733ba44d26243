-- CAP documents as they were published: a later version of the software does not make them anew.
CREATE TABLE cap_document (
    identifier text        PRIMARY KEY,
    alarm_id   text        NOT NULL,
    pond_id    text        NOT NULL,
    number     integer     NOT NULL,   -- counts what was heard of the warning
    published  timestamptz NOT NULL,
    reference  text        NOT NULL,   -- sender,identifier,sent
    state      jsonb       NOT NULL
);

CREATE INDEX cap_document_alarm ON cap_document (alarm_id, number);
CREATE INDEX cap_document_published ON cap_document (published DESC);
