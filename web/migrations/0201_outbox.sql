-- Text messages of the demonstration, which has no operator's gateway: shown on a page, gone after a week.
-- recipient and content are sealed together under the edge's own key, not the person's: the row dies with its week.
CREATE TABLE web.outbox (
    id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL,
    sealed bytea       NOT NULL
);
CREATE INDEX outbox_at ON web.outbox (at);

GRANT SELECT, INSERT, DELETE ON web.outbox TO peiban_service;
