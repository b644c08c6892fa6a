CREATE TABLE projections.complaints_v1 (
    id       uuid   NOT NULL PRIMARY KEY,
    document jsonb  NOT NULL,
    case_id  uuid   GENERATED ALWAYS AS ((document ->> 'case_id')::uuid) STORED,
    opened   bigint GENERATED ALWAYS AS ((document ->> 'opened')::bigint) STORED,
    status   text   GENERATED ALWAYS AS (document ->> 'status') STORED,
    office   text   GENERATED ALWAYS AS (document ->> 'office') STORED,
    region   text   GENERATED ALWAYS AS (document ->> 'region') STORED,
    due      text   GENERATED ALWAYS AS (document ->> 'due') STORED
);
CREATE INDEX ON projections.complaints_v1 (case_id);
CREATE INDEX ON projections.complaints_v1 (region text_pattern_ops, status);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.complaints_v1 TO peiban_service;
