CREATE TABLE projections.erasures_v1 (
    id       uuid   NOT NULL PRIMARY KEY,
    document jsonb  NOT NULL,
    opened   bigint GENERATED ALWAYS AS ((document ->> 'opened')::bigint) STORED,
    region   text   GENERATED ALWAYS AS (document ->> 'region') STORED
);
CREATE INDEX ON projections.erasures_v1 (region text_pattern_ops, opened DESC);

-- One row per case that ever had a hold; its id is that of the stream of holds.
CREATE TABLE projections.holds_v1 (
    id       uuid    NOT NULL PRIMARY KEY,
    document jsonb   NOT NULL,
    case_id  uuid    GENERATED ALWAYS AS ((document ->> 'case_id')::uuid) STORED UNIQUE,
    region   text    GENERATED ALWAYS AS (document ->> 'region') STORED,
    asked    boolean GENERATED ALWAYS AS ((document ->> 'asked')::boolean) STORED
);
CREATE INDEX ON projections.holds_v1 (region text_pattern_ops) WHERE asked;

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.erasures_v1, projections.holds_v1 TO peiban_service;
