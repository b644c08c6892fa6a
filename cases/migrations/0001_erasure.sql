-- The rule of erasure (PIPL §47), read from the record: one that a member of staff asked for and another approved, for
-- just this person and these cases, while no legal hold stands on a case. vault.erase (eventstore) asks it.

CREATE SCHEMA cases;

-- The stream of a case's holds: uuid version 3 of the name `legal-holds` in the namespace of the case (cases/hold.py).
CREATE FUNCTION cases.holds_stream(a_case uuid) RETURNS uuid
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

-- Files that the case's events name: each lies under a data key of its own.
CREATE FUNCTION cases.files_of(a_case uuid) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT (file ->> 'id')::uuid
    FROM vault.told(a_case, ARRAY['case-received', 'case-supplemented']) t,
         jsonb_array_elements(t.state -> 'materials') material, jsonb_array_elements(material -> 'attachments') file;
END;

-- `open` while the office still needs the case, `held` while a hold stands, empty when neither.
-- A hold is released only when two different members of staff said so; without a last day it stands until then.
CREATE FUNCTION cases.stands_in_the_way(a_case uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holds uuid := cases.holds_stream(a_case);
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
CREATE FUNCTION cases.reach(who uuid, wanted uuid[], whole boolean) RETURNS TABLE (kind text, scope uuid)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    free uuid[];
    kept uuid[];
BEGIN
    SELECT coalesce(array_agg(c.id), '{}') INTO free FROM unnest(wanted) AS c (id)
    WHERE cases.stands_in_the_way(c.id) = ''
      AND EXISTS (SELECT FROM vault.told(c.id, ARRAY['case-received']) t WHERE t.state ->> 'applicant' = 'person:' || who);
    SELECT coalesce(array_agg(k.scope), '{}') INTO kept FROM vault.data_keys k
    WHERE k.subject = who AND k.scope <> ALL (free) AND EXISTS (SELECT FROM vault.told(k.scope, ARRAY['case-received']));

    RETURN QUERY SELECT 'case', c.id FROM unnest(free) AS c (id);
    RETURN QUERY SELECT DISTINCT 'file', f.id FROM unnest(free) AS c (id), cases.files_of(c.id) AS f (id);
    IF whole THEN
        RETURN QUERY
        SELECT CASE k.scope WHEN who THEN 'person' ELSE 'file' END, k.scope FROM vault.data_keys k
        WHERE k.subject = who AND k.scope <> ALL (free) AND k.scope <> ALL (kept)
          AND k.scope NOT IN (SELECT f.id FROM unnest(free || kept) AS c (id), cases.files_of(c.id) AS f (id));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION vault.reach_of(the_erasure uuid)
RETURNS TABLE (kind text, subject uuid, scope uuid, final boolean)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    asked jsonb;
    who uuid;
BEGIN
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
    IF EXISTS (SELECT FROM vault.told(the_erasure, ARRAY['personal-data-erased', 'erasure-held-back'])) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT r.kind, who, r.scope, r.kind <> 'person'
    FROM cases.reach(
        who, ARRAY(SELECT jsonb_array_elements_text(asked -> 'cases')::uuid), (asked ->> 'whole')::boolean
    ) r;
END
$$;

REVOKE EXECUTE ON FUNCTION
    cases.holds_stream(uuid), cases.files_of(uuid), cases.stands_in_the_way(uuid), cases.reach(uuid, uuid[], boolean)
FROM PUBLIC;
