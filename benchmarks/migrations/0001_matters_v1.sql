-- What both sides' projections fill: a timeline of all steps, and the newest step of each matter.
CREATE TABLE projections.matters_timeline_v1 (
    stream_id uuid        NOT NULL,
    version   bigint      NOT NULL,
    at        timestamptz NOT NULL,
    step      text        NOT NULL,
    office    text        NOT NULL,
    note      text        NOT NULL,
    PRIMARY KEY (stream_id, version)
);
CREATE TABLE projections.matters_progress_v1 (
    stream_id uuid        NOT NULL PRIMARY KEY,
    step      text        NOT NULL,
    version   bigint      NOT NULL,
    at        timestamptz NOT NULL
) WITH (fillfactor = 80);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.matters_timeline_v1, projections.matters_progress_v1 TO peiban_service;
