-- The record: events in one gapless order, answers by idempotency key, and the one door through which they are written.
-- Columns up to notification_id are those of the `eventsourcing` package, whose own recorder can read this table.

CREATE TABLE peiban_events (
    notification_id    bigint      NOT NULL PRIMARY KEY,
    originator_id      uuid        NOT NULL,
    originator_version bigint      NOT NULL CHECK (originator_version >= 0),
    topic              text        NOT NULL,
    state              bytea       NOT NULL,
    hash               bytea       NOT NULL CHECK (octet_length(hash) = 32),
    -- When the database took the row. Not part of the hash: an event's own time stands inside its state.
    recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (originator_id, originator_version)
);

-- The head row hands out positions and is the lock under which they become visible in order.
-- Half-empty pages let each update stay on its page (HOT), so the row never needs an index entry of its own.
CREATE TABLE peiban_head (
    log             smallint NOT NULL PRIMARY KEY,
    notification_id bigint   NOT NULL CHECK (notification_id >= 0)
) WITH (fillfactor = 20);

INSERT INTO peiban_head (log, notification_id) VALUES (0, 0);

-- What a command was answered, so that asking again gives the same answer. Not part of the evidence:
-- the owner may prune old answers, hence no trigger here.
CREATE TABLE peiban_commands (
    command_id      uuid        NOT NULL PRIMARY KEY,
    notification_id bigint      NOT NULL,
    answer          json        NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION peiban_refuse_change() RETURNS trigger
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %: the record is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON peiban_events
    FOR EACH STATEMENT EXECUTE FUNCTION peiban_refuse_change();
-- ALWAYS: a session that calls itself a replica is refused too.
ALTER TABLE peiban_events ENABLE ALWAYS TRIGGER append_only;

-- SHA-256(algorithm || previous hash || stream || version || topic || state); what varies in length is preceded by it.
-- The same bytes are built by eventstore/chain.py: two paths, one result.
CREATE FUNCTION peiban_event_hash(previous bytea, originator uuid, version bigint, topic text, state bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE SECURITY INVOKER
RETURN sha256(
    int4send(21) || convert_to('peiban-event-sha256-1', 'UTF8')
    || previous || uuid_send(originator) || int8send(version)
    || int4send(octet_length(convert_to(topic, 'UTF8'))) || convert_to(topic, 'UTF8')
    || int4send(octet_length(state)) || state
);

GRANT SELECT ON peiban_events, peiban_head, peiban_commands TO peiban_service;
REVOKE EXECUTE ON FUNCTION peiban_refuse_change() FROM PUBLIC;
