-- Erasure (PIPL §47): the one door through which personal values leave the vault.
--
-- Whether it may be opened is read from the record itself, here, so that no mistake in the program can skip it: an
-- erasure that one member of staff asked for and another approved, for just this person and these cases, while no legal
-- hold stands on a case. The service can name an erasure; what goes with it, and whether, it cannot say.

-- What was erased, by ids only. Written with the deletion, so that asking again answers as the first time did.
CREATE TABLE vault.erasures (
    erasure     uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('case', 'file', 'person', 'index')),
    scope       uuid        NOT NULL,
    key_id      uuid,
    entries     bigint      NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (erasure, kind, scope)
);
CREATE INDEX erasures_scope ON vault.erasures (scope);
GRANT SELECT ON vault.erasures TO peiban_service;

-- What was deleted lies about in its page until it is vacuumed: for keys and values that is to be soon, not when a fifth
-- of the table is dead.
ALTER TABLE vault.data_keys SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE vault.entries SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE vault.subjects SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);

-- The stream of a case's holds: uuid version 3 of the name `legal-holds` in the namespace of the case (cases/hold.py).
CREATE FUNCTION vault.holds_stream(a_case uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
RETURN encode(
    set_byte(
        set_byte(
            decode(md5(uuid_send(a_case) || convert_to('legal-holds', 'UTF8')), 'hex'),
            6, get_byte(decode(md5(uuid_send(a_case) || convert_to('legal-holds', 'UTF8')), 'hex'), 6) & 15 | 48
        ),
        8, get_byte(decode(md5(uuid_send(a_case) || convert_to('legal-holds', 'UTF8')), 'hex'), 8) & 63 | 128
    ), 'hex'
)::uuid;

CREATE FUNCTION vault.told(stream uuid, topics text[]) RETURNS TABLE (topic text, state jsonb)
LANGUAGE sql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.topic, convert_from(e.state, 'UTF8')::jsonb FROM public.peiban_events e
    WHERE e.originator_id = stream AND e.topic = ANY (topics) ORDER BY e.originator_version;
END;

-- Files that the case's events name: each lies under a data key of its own.
CREATE FUNCTION vault.files_of(a_case uuid) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT (file ->> 'id')::uuid
    FROM vault.told(a_case, ARRAY['case-received', 'case-supplemented']) t,
         jsonb_array_elements(t.state -> 'materials') material, jsonb_array_elements(material -> 'attachments') file;
END;

-- `open` while the office still needs the case, `held` while a hold stands, empty when neither.
-- A hold is released only when two different members of staff said so; without a last day it stands until then.
CREATE FUNCTION vault.stands_in_the_way(a_case uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holds uuid := vault.holds_stream(a_case);
    today date := (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date;
BEGIN
    IF NOT EXISTS (SELECT FROM vault.told(a_case, ARRAY['case-decided', 'acceptance-refused', 'case-withdrawn'])) THEN
        RETURN 'open';
    END IF;
    IF EXISTS (
        SELECT FROM vault.told(a_case, ARRAY['inspection-noted']) n
        WHERE EXISTS (SELECT FROM vault.told((n.state ->> 'inspection')::uuid, ARRAY['inspection-started']))
          AND NOT EXISTS (SELECT FROM vault.told((n.state ->> 'inspection')::uuid, ARRAY['inspection-ended']))
    ) THEN
        RETURN 'open';
    END IF;
    IF EXISTS (
        SELECT FROM vault.told(holds, ARRAY['hold-placed']) placed
        WHERE (placed.state ->> 'until' = '' OR (placed.state ->> 'until')::date >= today)
          AND NOT EXISTS (
              SELECT FROM vault.told(holds, ARRAY['hold-released']) released
              JOIN vault.told(holds, ARRAY['hold-release-requested']) asked
                  ON asked.state -> 'hold' = released.state -> 'hold'
              WHERE released.state -> 'hold' = placed.state -> 'hold'
                AND released.state ->> 'actor' LIKE 'staff:%' AND asked.state ->> 'actor' LIKE 'staff:%'
                AND released.state ->> 'asked_by' = asked.state ->> 'actor'
                AND released.state ->> 'actor' <> asked.state ->> 'actor'
          )
    ) THEN
        RETURN 'held';
    END IF;
    -- What the archives keep by rule counts as held from the event on, not from when its hold came to be written down.
    IF EXISTS (
        SELECT FROM vault.told(a_case, ARRAY['case-decided', 'inspection-noted']) kept
        WHERE (kept.topic = 'case-decided' OR kept.state ->> 'stage' IN ('ended', 'sealed'))
          AND NOT EXISTS (
              SELECT FROM vault.told(holds, ARRAY['hold-placed']) placed
              WHERE placed.state ->> 'basis'
                    = CASE kept.topic WHEN 'case-decided' THEN 'archive-decided' ELSE 'archive-inspected' END
          )
    ) THEN
        RETURN 'held';
    END IF;
    RETURN '';
END
$$;

-- The scopes that an approved erasure reaches: cases that nothing stands in the way of, their files, and, when all of
-- the person goes, what is his own beside his cases.
CREATE FUNCTION vault.reach(who uuid, cases uuid[], whole boolean) RETURNS TABLE (kind text, scope uuid)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    free uuid[];
    kept uuid[];
BEGIN
    SELECT coalesce(array_agg(c.id), '{}') INTO free FROM unnest(cases) AS c (id)
    WHERE vault.stands_in_the_way(c.id) = ''
      AND EXISTS (SELECT FROM vault.told(c.id, ARRAY['case-received']) t WHERE t.state ->> 'applicant' = 'person:' || who);
    SELECT coalesce(array_agg(k.scope), '{}') INTO kept FROM vault.data_keys k
    WHERE k.subject = who AND k.scope <> ALL (free) AND EXISTS (SELECT FROM vault.told(k.scope, ARRAY['case-received']));

    RETURN QUERY SELECT 'case', c.id FROM unnest(free) AS c (id);
    RETURN QUERY SELECT DISTINCT 'file', f.id FROM unnest(free) AS c (id), vault.files_of(c.id) AS f (id);
    IF whole THEN
        RETURN QUERY
        SELECT CASE k.scope WHEN who THEN 'person' ELSE 'file' END, k.scope FROM vault.data_keys k
        WHERE k.subject = who AND k.scope <> ALL (free) AND k.scope <> ALL (kept)
          AND k.scope NOT IN (SELECT f.id FROM unnest(free || kept) AS c (id), vault.files_of(c.id) AS f (id));
    END IF;
END
$$;

CREATE FUNCTION vault.erase(the_erasure uuid) RETURNS TABLE (kind text, scope uuid, key_id uuid, entries bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    asked jsonb;
    who uuid;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'vault.erase needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- The lock of peiban_append: no hold can be placed, and nothing sealed, between the look and the deletion.
    PERFORM FROM public.peiban_head h WHERE h.log = 0 FOR UPDATE;

    SELECT t.state INTO asked FROM vault.told(the_erasure, ARRAY['erasure-requested']) t;
    IF asked IS NULL OR asked ->> 'actor' NOT LIKE 'staff:%'
       OR NOT EXISTS (
           SELECT FROM vault.told(the_erasure, ARRAY['erasure-approved']) t
           WHERE t.state ->> 'actor' LIKE 'staff:%' AND t.state ->> 'actor' <> asked ->> 'actor'
       )
       OR EXISTS (SELECT FROM vault.told(the_erasure, ARRAY['erasure-declined'])) THEN
        RAISE EXCEPTION 'erasure % was not asked for and approved by two', the_erasure
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    who := (asked ->> 'person')::uuid;
    IF EXISTS (SELECT FROM vault.told(who, ARRAY['staff-appointed'])) THEN
        RAISE EXCEPTION 'who acts for the office is named in its papers' USING ERRCODE = 'insufficient_privilege';
    END IF;

    IF NOT EXISTS (SELECT FROM vault.erasures d WHERE d.erasure = the_erasure)
       AND NOT EXISTS (SELECT FROM vault.told(the_erasure, ARRAY['personal-data-erased', 'erasure-held-back'])) THEN
        WITH keys AS MATERIALIZED (
            SELECT r.kind, k.scope, k.key_id
            FROM vault.reach(who, ARRAY(SELECT jsonb_array_elements_text(asked -> 'cases')::uuid),
                             (asked ->> 'whole')::boolean) r
            JOIN vault.data_keys k ON k.subject = who AND k.scope = r.scope
        ), gone AS (
            DELETE FROM vault.entries e USING keys WHERE e.key_id = keys.key_id RETURNING e.key_id
        )
        INSERT INTO vault.erasures (erasure, kind, scope, key_id, entries)
        SELECT the_erasure, keys.kind, keys.scope, keys.key_id, (SELECT count(*) FROM gone WHERE gone.key_id = keys.key_id)
        FROM keys;
        DELETE FROM vault.data_keys k USING vault.erasures d WHERE d.erasure = the_erasure AND k.key_id = d.key_id;
        IF NOT EXISTS (SELECT FROM vault.data_keys k WHERE k.subject = who) THEN
            WITH forgotten AS (DELETE FROM vault.subjects s WHERE s.subject = who RETURNING s.subject)
            INSERT INTO vault.erasures (erasure, kind, scope, key_id, entries)
            SELECT the_erasure, 'index', who, NULL, count(*) FROM forgotten HAVING count(*) > 0;
        END IF;
    END IF;
    RETURN QUERY SELECT d.kind, d.scope, d.key_id, d.entries FROM vault.erasures d
                 WHERE d.erasure = the_erasure ORDER BY d.kind, d.scope;
END
$$;

REVOKE EXECUTE ON FUNCTION
    vault.holds_stream(uuid), vault.told(uuid, text[]), vault.files_of(uuid), vault.stands_in_the_way(uuid),
    vault.reach(uuid, uuid[], boolean), vault.erase(uuid)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.erase(uuid) TO peiban_service;
