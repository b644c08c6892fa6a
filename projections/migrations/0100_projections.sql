-- Read models: everything in this schema can be dropped and told again from the record.
-- One file per projection and version, NNNN_<name>_v<version>.sql, never altered: a change of shape is a new version.
-- Columns of a document table are generated from the document, so that a row cannot disagree with itself.

CREATE SCHEMA projections;
GRANT USAGE ON SCHEMA projections TO peiban_service;

-- How far each projection has told the record. hash: of the event at that position, so that a record that was
-- replaced underneath is noticed. epoch counts rebuilds; a stopped projection takes a new one as its sign to go on.
CREATE TABLE projections.tracking (
    name     text   NOT NULL,
    version  int    NOT NULL,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    hash     bytea  NOT NULL DEFAULT '',
    epoch    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (name, version)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON projections.tracking TO peiban_service;
