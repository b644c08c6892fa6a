-- Personal values, encrypted per subject and scope, apart from the record so that they can be erased.
-- The service may add and read; erasing is another role's and comes with two-person approval.

CREATE SCHEMA vault;

-- Blind index: a keyed digest of (kind, value) leads to the subject's pseudonym. Deleting the row forgets the way.
CREATE TABLE vault.subjects (
    kind        text        NOT NULL,
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 32),
    subject     uuid        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, digest)
);
CREATE INDEX subjects_subject ON vault.subjects (subject);

-- One data key per subject and scope, wrapped by the key-encryption key named in kek_id.
CREATE TABLE vault.data_keys (
    key_id      uuid        NOT NULL PRIMARY KEY,
    subject     uuid        NOT NULL,
    scope       uuid        NOT NULL,
    algorithm   text        NOT NULL,
    kek_id      text        NOT NULL,
    nonce       bytea       NOT NULL,
    wrapped     bytea       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (subject, scope)
);

-- ciphertext holds the commitment's key and the value: what an event commits to cannot be guessed from a stolen dump.
CREATE TABLE vault.entries (
    ref         uuid        NOT NULL PRIMARY KEY,
    key_id      uuid        NOT NULL REFERENCES vault.data_keys,
    field       text        NOT NULL,
    algorithm   text        NOT NULL,
    nonce       bytea       NOT NULL,
    ciphertext  bytea       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX entries_key ON vault.entries (key_id);

GRANT USAGE ON SCHEMA vault TO peiban_service;
GRANT SELECT, INSERT ON vault.subjects, vault.data_keys TO peiban_service;
GRANT SELECT ON vault.entries TO peiban_service;
