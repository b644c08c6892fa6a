-- Uploads: who sent them, under which key they lie in the store, and whether they have become part of a case.
-- case_id: known once it was filed. name: the file's name, sealed under the same key as its content. Unclaimed ones are removed after two days.
CREATE TABLE web.files (
    id          uuid        NOT NULL PRIMARY KEY,
    owner       text        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('photo', 'pdf')),
    media_type  text        NOT NULL,
    sha256      text        NOT NULL,
    size        bigint      NOT NULL,
    subject     uuid        NOT NULL,
    name        bytea       NOT NULL,
    uploaded_at timestamptz NOT NULL,
    claimed_at  timestamptz,
    case_id     uuid
);
CREATE INDEX files_unclaimed ON web.files (owner, uploaded_at) WHERE claimed_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON web.files TO peiban_service;
