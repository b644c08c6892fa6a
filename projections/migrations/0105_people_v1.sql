CREATE TABLE projections.people_v1 (
    id       uuid    NOT NULL PRIMARY KEY,
    document jsonb   NOT NULL,
    office   text    GENERATED ALWAYS AS (document ->> 'office') STORED,
    on_duty  boolean GENERATED ALWAYS AS ((document ->> 'on_duty')::boolean) STORED,
    roles    jsonb   GENERATED ALWAYS AS (document -> 'roles') STORED
);
CREATE INDEX ON projections.people_v1 (office);

CREATE TABLE projections.people_office_v1 (
    id       uuid  NOT NULL PRIMARY KEY,
    document jsonb NOT NULL,
    code     text  GENERATED ALWAYS AS (document ->> 'code') STORED UNIQUE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.people_v1, projections.people_office_v1 TO peiban_service;
