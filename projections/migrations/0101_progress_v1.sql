CREATE TABLE projections.progress_v1 (
    id          uuid   NOT NULL PRIMARY KEY,
    document    jsonb  NOT NULL,
    number      text   GENERATED ALWAYS AS (document ->> 'number') STORED UNIQUE,
    opened      bigint GENERATED ALWAYS AS ((document ->> 'opened')::bigint) STORED,
    item        text   GENERATED ALWAYS AS (document ->> 'item') STORED,
    status      text   GENERATED ALWAYS AS (document ->> 'status') STORED,
    needs       text   GENERATED ALWAYS AS (document ->> 'needs') STORED,
    applicant   text   GENERATED ALWAYS AS (document ->> 'applicant') STORED,
    companion   text   GENERATED ALWAYS AS (document ->> 'companion') STORED,
    handover_to text   GENERATED ALWAYS AS (document -> 'handover' ->> 'to') STORED,
    office      text   GENERATED ALWAYS AS (document ->> 'office') STORED,
    region      text   GENERATED ALWAYS AS (document ->> 'region') STORED,
    ends        text   GENERATED ALWAYS AS (document -> 'deadline' ->> 'promised_ends') STORED
);
CREATE INDEX ON projections.progress_v1 (applicant, opened DESC);
CREATE INDEX ON projections.progress_v1 (companion, status);
CREATE INDEX ON projections.progress_v1 (handover_to) WHERE handover_to IS NOT NULL;
CREATE INDEX ON projections.progress_v1 (office, status);
CREATE INDEX ON projections.progress_v1 (region text_pattern_ops, opened DESC);

-- Which case a stream (visit, inspection, evaluation, complaint, or the case itself) belongs to.
CREATE TABLE projections.progress_stream_v1 (
    id      uuid NOT NULL PRIMARY KEY,
    case_id uuid NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.progress_v1, projections.progress_stream_v1 TO peiban_service;
