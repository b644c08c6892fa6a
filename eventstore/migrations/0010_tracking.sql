-- How far each follower that reacts to the record has dealt with it.
CREATE TABLE peiban_tracking (
    name            text        NOT NULL PRIMARY KEY,
    notification_id bigint      NOT NULL CHECK (notification_id >= 0),
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE ON peiban_tracking TO peiban_service;
