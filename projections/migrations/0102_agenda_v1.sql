CREATE TABLE projections.agenda_v1 (
    id         uuid  NOT NULL PRIMARY KEY,
    document   jsonb NOT NULL,
    case_id    uuid  GENERATED ALWAYS AS ((document ->> 'case_id')::uuid) STORED,
    status     text  GENERATED ALWAYS AS (document ->> 'status') STORED,
    day        text  GENERATED ALWAYS AS (document ->> 'day') STORED,
    office     text  GENERATED ALWAYS AS (document ->> 'office') STORED,
    region     text  GENERATED ALWAYS AS (document ->> 'region') STORED,
    inspectors jsonb GENERATED ALWAYS AS (document -> 'inspectors') STORED
);
CREATE INDEX ON projections.agenda_v1 (case_id);
CREATE INDEX ON projections.agenda_v1 (day, office);
CREATE INDEX ON projections.agenda_v1 USING gin (inspectors);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.agenda_v1 TO peiban_service;
