-- What the HTTP edge remembers between requests. None of it is evidence: rows are changed and deleted freely.
-- Tokens and codes are stored as digests only, phone numbers sealed under the person's data key.

CREATE SCHEMA web;
GRANT USAGE ON SCHEMA web TO peiban_service;

-- holder: `staff:<uuid>`, `person:<uuid>` or `guest:<inspection uuid>`; for guests `person` is whose phone was proved.
CREATE TABLE web.sessions (
    digest     bytea       NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    kind       text        NOT NULL CHECK (kind IN ('applicant', 'staff', 'guest')),
    holder     text        NOT NULL,
    person     uuid,
    contact    bytea,
    created_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_holder ON web.sessions (holder);
CREATE INDEX sessions_expiry ON web.sessions (expires_at);

CREATE TABLE web.credentials (
    staff      uuid        NOT NULL PRIMARY KEY,
    login      text        NOT NULL UNIQUE,
    hash       text        NOT NULL,
    changed_at timestamptz NOT NULL
);

-- challenge: digest of the cookie of the browser that asked; another browser's wrong guesses do not count against it.
CREATE TABLE web.codes (
    challenge  bytea       NOT NULL PRIMARY KEY CHECK (octet_length(challenge) = 32),
    digest     bytea       NOT NULL CHECK (octet_length(digest) = 32),
    tries_left smallint    NOT NULL CHECK (tries_left >= 0),
    expires_at timestamptz NOT NULL
);
CREATE INDEX codes_expiry ON web.codes (expires_at);

-- Rate limits (GCRA): `due` is the theoretical time of the next conforming request. bucket: keyed digest of what is limited.
CREATE TABLE web.throttles (
    bucket bytea       NOT NULL PRIMARY KEY,
    due    timestamptz NOT NULL
);
CREATE INDEX throttles_due ON web.throttles (due);

GRANT SELECT, INSERT, UPDATE, DELETE ON web.sessions, web.credentials, web.codes, web.throttles TO peiban_service;
