-- The transparency log over the record: what was signed, which inner nodes of its tree are known, who has witnessed it.
-- Leaf i is the RFC 6962 leaf hash of the hash of the event at position i + 1, so the leaves need no table.

CREATE TABLE peiban_checkpoints (
    size        bigint      NOT NULL PRIMARY KEY CHECK (size > 0),
    root        bytea       NOT NULL CHECK (octet_length(root) = 32),
    -- The signed note (C2SP tlog-checkpoint), exactly as it went out.
    note        text        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row for each complete subtree of 256 nodes of the level below: a row of level 1 stands for 256 events, of level 2
-- for 65,536, and so on; hash is its root. That is a third of a byte for each event, rows are complete when they are
-- written, so none is ever changed, and every other node is folded from at most 128 events or rows.
CREATE TABLE peiban_tiles (
    level  smallint NOT NULL CHECK (level BETWEEN 1 AND 7),
    number bigint   NOT NULL CHECK (number >= 0),
    hash   bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, number)
);

-- That a witness holds the checkpoint of this size; cosignatures: its lines, empty for one that does not sign.
CREATE TABLE peiban_witnessed (
    size         bigint      NOT NULL REFERENCES peiban_checkpoints,
    witness      text        NOT NULL,
    cosignatures text        NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (size, witness)
);
CREATE INDEX witnessed_newest ON peiban_witnessed (witness, size DESC);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON peiban_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION peiban_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON peiban_tiles
    FOR EACH STATEMENT EXECUTE FUNCTION peiban_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON peiban_witnessed
    FOR EACH STATEMENT EXECUTE FUNCTION peiban_refuse_change();
ALTER TABLE peiban_checkpoints ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE peiban_tiles ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE peiban_witnessed ENABLE ALWAYS TRIGGER append_only;

GRANT SELECT, INSERT ON peiban_checkpoints, peiban_tiles, peiban_witnessed TO peiban_service;
