CREATE TABLE projections.timeline_v1 (
    position  bigint      NOT NULL PRIMARY KEY,
    case_id   uuid        NOT NULL,
    stream    text        NOT NULL,
    stream_id uuid        NOT NULL,
    version   bigint      NOT NULL,
    topic     text        NOT NULL,
    at        timestamptz NOT NULL,
    actor     text        NOT NULL,
    principal text        NOT NULL,
    channel   text        NOT NULL,
    office    text        NOT NULL,
    region    text        NOT NULL,
    cause     text        NOT NULL,
    hash      bytea       NOT NULL,
    facts     jsonb       NOT NULL,
    UNIQUE (stream_id, version)
);
CREATE INDEX ON projections.timeline_v1 (case_id, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.timeline_v1 TO peiban_service;
