-- Erasure: the one door through which personal values leave the vault.
--
-- Whether it may be opened, and how far, is read from the record itself, in the database, so that no mistake in the
-- program can skip it. The service can name an erasure; what goes with it, and whether, it cannot say. The rule is the
-- application's: its migration replaces vault.reach_of.

-- What was erased, by ids only. Written with the deletion, so that asking again answers as the first time did.
-- kind: a word of the application's; `index` is our own, for the way to a subject of whom nothing is left.
-- final: no data key is ever made for this scope again.
CREATE TABLE vault.erasures (
    erasure     uuid        NOT NULL,
    kind        text        NOT NULL,
    scope       uuid        NOT NULL,
    final       boolean     NOT NULL,
    key_id      uuid,
    entries     bigint      NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (erasure, kind, scope)
);
CREATE INDEX erasures_scope ON vault.erasures (scope);
GRANT SELECT ON vault.erasures TO peiban_service;

-- A stream's events of these names, oldest first, as JSON: what a rule is made of.
CREATE FUNCTION vault.told(stream uuid, topics text[]) RETURNS TABLE (topic text, state jsonb)
LANGUAGE sql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.topic, convert_from(e.state, 'UTF8')::jsonb FROM public.peiban_events e
    WHERE e.originator_id = stream AND e.topic = ANY (topics) ORDER BY e.originator_version;
END;

-- The data keys that an erasure destroys, by subject and scope; raises insufficient_privilege where it may not be.
-- Called under the head lock of peiban_append: what it reads of the record cannot change before the deletion.
CREATE FUNCTION vault.reach_of(the_erasure uuid) RETURNS TABLE (kind text, subject uuid, scope uuid, final boolean)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'erasure %: no rule is laid down', the_erasure USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION vault.erase(the_erasure uuid) RETURNS TABLE (kind text, scope uuid, key_id uuid, entries bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    reached record;
    gone bigint;
    key uuid;
    subjects uuid[] := '{}';
    is_done boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'vault.erase needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM FROM public.peiban_head h WHERE h.log = 0 FOR UPDATE;
    is_done := EXISTS (SELECT FROM vault.erasures d WHERE d.erasure = the_erasure);

    FOR reached IN SELECT r.* FROM vault.reach_of(the_erasure) r LOOP
        CONTINUE WHEN is_done;
        SELECT k.key_id INTO key FROM vault.data_keys k WHERE k.subject = reached.subject AND k.scope = reached.scope;
        CONTINUE WHEN key IS NULL;
        DELETE FROM vault.entries e WHERE e.key_id = key;
        GET DIAGNOSTICS gone = ROW_COUNT;
        DELETE FROM vault.data_keys k WHERE k.key_id = key;
        INSERT INTO vault.erasures (erasure, kind, scope, final, key_id, entries)
        VALUES (the_erasure, reached.kind, reached.scope, reached.final, key, gone);
        subjects := subjects || reached.subject;
    END LOOP;

    WITH forgotten AS (
        DELETE FROM vault.subjects s
        WHERE s.subject = ANY (subjects) AND NOT EXISTS (SELECT FROM vault.data_keys k WHERE k.subject = s.subject)
        RETURNING s.subject
    )
    INSERT INTO vault.erasures (erasure, kind, scope, final, key_id, entries)
    SELECT the_erasure, 'index', f.subject, false, NULL, count(*) FROM forgotten f GROUP BY f.subject;

    RETURN QUERY SELECT d.kind, d.scope, d.key_id, d.entries FROM vault.erasures d
                 WHERE d.erasure = the_erasure ORDER BY d.kind, d.scope;
END
$$;

-- What was deleted lies about in its page until it is vacuumed: for keys and values that is to be soon, not when a fifth
-- of the table is dead.
ALTER TABLE vault.data_keys SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE vault.entries SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE vault.subjects SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);

REVOKE EXECUTE ON FUNCTION vault.told(uuid, text[]), vault.reach_of(uuid), vault.erase(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.erase(uuid) TO peiban_service;
