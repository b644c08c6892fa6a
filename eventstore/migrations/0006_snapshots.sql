-- What aggregates were at some version, one per stream: a cache beside the record, which says nothing that the record
-- does not say. Hence the service may write it, and any of it may be deleted at any time.
-- The first four columns are those of the `eventsourcing` package.
CREATE TABLE peiban_snapshots (
    originator_id      uuid        NOT NULL PRIMARY KEY,
    originator_version bigint      NOT NULL,
    topic              text        NOT NULL,
    state              bytea       NOT NULL,
    shape              text        NOT NULL, -- by what code it was made
    hash               bytea       NOT NULL CHECK (octet_length(hash) = 32), -- of the event at originator_version
    seal               bytea       NOT NULL CHECK (octet_length(seal) = 32), -- a MAC that only the service can make
    recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON peiban_snapshots TO peiban_service;
