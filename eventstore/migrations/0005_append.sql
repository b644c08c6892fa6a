-- peiban_append learns of what a command read without writing it, and how far the follower that sent it has come; and it
-- is made cheap: what is usual (everything accepted) runs no statement and looks nothing up that it does not need.
--
-- As before: one round trip, many commands, each with its own result; and SECURITY DEFINER, for the reason given in
-- 0003_append.sql: the service can neither skip a position nor break a chain.
--
-- Arrays are parallel: c_* one row per command; e_* one per event, g_* one per guard, t_* one per tracking and v_* one
-- per vault entry, whose *_command is the 1-based index of its command and does not fall. Two commands of one call must
-- not share an id, a stream that one of them writes, or a tracking's name (the caller sees to it).
--
-- Commands that are in neither list are accepted: their events stand behind `head`, in the order given.
-- refused: commands in conflict. replayed: commands that were stored before, with their positions and answers then.
DROP FUNCTION peiban_append(
    uuid[], text[], int[], uuid[], bigint[], text[], bytea[], bytea[],
    int[], uuid[], uuid[], text[], text[], bytea[], bytea[]
);

-- STABLE, as its parts are: the planner puts a function's body in place of its call only when it promises no more.
CREATE OR REPLACE FUNCTION peiban_event_hash(previous bytea, originator uuid, version bigint, topic text, state bytea)
RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE SECURITY INVOKER
RETURN sha256(
    int4send(21) || 'peiban-event-sha256-1'::bytea
    || previous || uuid_send(originator) || int8send(version)
    || int4send(octet_length(convert_to(topic, 'UTF8'))) || convert_to(topic, 'UTF8')
    || int4send(octet_length(state)) || state
);

CREATE FUNCTION peiban_append(
    c_id uuid[], c_answer text[],
    e_command int[], e_originator uuid[], e_version bigint[], e_topic text[], e_state bytea[], e_hash bytea[],
    g_command int[], g_originator uuid[], g_version bigint[],
    t_command int[], t_name text[], t_position bigint[], t_hash bytea[],
    v_command int[], v_ref uuid[], v_key uuid[], v_field text[], v_algorithm text[], v_nonce bytea[], v_ciphertext bytea[],
    OUT head bigint, OUT refused int[], OUT replayed int[], OUT positions bigint[], OUT answers text[]
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Plans are made once a session, perhaps when the tables are empty, and must still be right when they are large.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    e_before bytea[];
    skipped int[];
BEGIN
    -- Under a stricter isolation the snapshot would be older than the head lock, and the checks below blind.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'peiban_append needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;

    -- First the lock; every later statement sees all that was committed before it was granted.
    SELECT h.notification_id INTO STRICT head FROM public.peiban_head h WHERE h.log = 0 FOR UPDATE;

    SELECT coalesce(array_agg(c.i), '{}') INTO replayed
    FROM unnest(c_id) WITH ORDINALITY AS c (id, i) JOIN public.peiban_commands p ON p.command_id = c.id;

    -- A stream goes on exactly where it stands; a new one begins at 1 (or at 0, which the package also allows).
    -- e_before: the hash that each event continues; NULL where versions leave a hole within a command.
    SELECT coalesce(array_agg(DISTINCT s.command) FILTER (WHERE s.wrong), '{}'), array_agg(s.before ORDER BY s.place)
    INTO refused, e_before
    FROM (
        SELECT
            e.command, e.place,
            CASE
                WHEN e.behind IS NULL THEN coalesce(last.hash, decode(repeat('00', 32), 'hex'))
                WHEN e.version = e.behind + 1 THEN e.hash_behind
            END AS before,
            e.behind IS NULL AND e.command <> ALL (replayed) AND CASE
                WHEN last.version IS NULL THEN e.version NOT IN (0, 1) ELSE e.version <> last.version + 1
            END AS wrong
        FROM (
            SELECT e.*, lag(e.version) OVER w AS behind, lag(e.hash) OVER w AS hash_behind
            FROM unnest(e_command, e_originator, e_version, e_hash)
                WITH ORDINALITY AS e (command, originator, version, hash, place)
            WINDOW w AS (PARTITION BY e.command, e.originator ORDER BY e.place)
        ) e
        LEFT JOIN LATERAL (
            SELECT p.originator_version AS version, p.hash FROM public.peiban_events p
            WHERE e.behind IS NULL AND p.originator_id = e.originator ORDER BY p.originator_version DESC LIMIT 1
        ) last ON true
    ) s;

    -- A stream that was only read still stands where it stood; -1: there is none.
    IF cardinality(g_command) > 0 THEN
        SELECT refused || coalesce(array_agg(DISTINCT g.command), '{}') INTO refused
        FROM unnest(g_command, g_originator, g_version) AS g (command, originator, version)
        LEFT JOIN LATERAL (
            SELECT p.originator_version AS version FROM public.peiban_events p
            WHERE p.originator_id = g.originator ORDER BY p.originator_version DESC LIMIT 1
        ) last ON true
        WHERE g.command <> ALL (replayed || refused) AND g.version <> coalesce(last.version, -1);
    END IF;

    -- A follower's place only moves forward. Others move places without the head lock, so it is moved, then judged.
    IF cardinality(t_command) > 0 THEN
        WITH asked AS (
            SELECT t.* FROM unnest(t_command, t_name, t_position, t_hash) AS t (command, name, position, hash)
            WHERE t.command <> ALL (replayed || refused)
        ), moved AS (
            INSERT INTO public.peiban_tracking (name, notification_id, hash) SELECT a.name, a.position, a.hash FROM asked a
            ON CONFLICT (name) DO UPDATE
                SET notification_id = excluded.notification_id, hash = excluded.hash, recorded_at = clock_timestamp()
                WHERE peiban_tracking.notification_id < excluded.notification_id
            RETURNING name
        )
        SELECT refused || coalesce(array_agg(a.command), '{}') INTO refused
        FROM asked a WHERE NOT EXISTS (SELECT FROM moved m WHERE m.name = a.name);
    END IF;

    skipped := replayed || refused;
    IF cardinality(skipped) > 0 THEN
        SELECT
            coalesce(array_agg(e.command ORDER BY e.place), '{}'), array_agg(e.originator ORDER BY e.place),
            array_agg(e.version ORDER BY e.place), array_agg(e.topic ORDER BY e.place),
            array_agg(e.state ORDER BY e.place), array_agg(e.hash ORDER BY e.place), array_agg(e.before ORDER BY e.place)
        INTO e_command, e_originator, e_version, e_topic, e_state, e_hash, e_before
        FROM unnest(e_command, e_originator, e_version, e_topic, e_state, e_hash, e_before)
            WITH ORDINALITY AS e (command, originator, version, topic, state, hash, before, place)
        WHERE e.command <> ALL (skipped);
    END IF;

    IF cardinality(e_command) > 0 THEN
        INSERT INTO public.peiban_events (notification_id, originator_id, originator_version, topic, state, hash)
        SELECT
            head + e.place, e.originator, e.version, e.topic, e.state,
            -- NULL, and so refused by the column, when the given hash does not continue the stored chain.
            CASE WHEN e.hash = public.peiban_event_hash(e.before, e.originator, e.version, e.topic, e.state) THEN e.hash END
        FROM unnest(e_originator, e_version, e_topic, e_state, e_hash, e_before)
            WITH ORDINALITY AS e (originator, version, topic, state, hash, before, place);
        UPDATE public.peiban_head h SET notification_id = head + cardinality(e_command) WHERE h.log = 0;
        PERFORM pg_notify('peiban_events', '');
    END IF;

    IF cardinality(v_command) > 0 THEN
        INSERT INTO vault.entries (ref, key_id, field, algorithm, nonce, ciphertext)
        SELECT v.ref, v.key, v.field, v.algorithm, v.nonce, v.ciphertext
        FROM unnest(v_command, v_ref, v_key, v_field, v_algorithm, v_nonce, v_ciphertext)
            AS v (command, ref, key, field, algorithm, nonce, ciphertext)
        WHERE v.command <> ALL (skipped);
    END IF;

    -- In a rising array, width_bucket is the place of a command's last event.
    INSERT INTO public.peiban_commands (command_id, notification_id, answer)
    SELECT c.id, CASE WHEN e_command[l.place] = c.i THEN head + l.place ELSE 0 END, c.answer::json
    FROM unnest(c_id, c_answer) WITH ORDINALITY AS c (id, answer, i),
        LATERAL (SELECT width_bucket(c.i::int, e_command) AS place) l
    WHERE c.i <> ALL (skipped);

    IF cardinality(replayed) > 0 THEN
        SELECT array_agg(p.notification_id ORDER BY r.i), array_agg(p.answer::text ORDER BY r.i) INTO positions, answers
        FROM unnest(replayed) WITH ORDINALITY AS r (command, i) JOIN public.peiban_commands p ON p.command_id = c_id[r.command];
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION peiban_append(
    uuid[], text[], int[], uuid[], bigint[], text[], bytea[], bytea[],
    int[], uuid[], bigint[], int[], text[], bigint[], bytea[],
    int[], uuid[], uuid[], text[], text[], bytea[], bytea[]
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION peiban_append(
    uuid[], text[], int[], uuid[], bigint[], text[], bytea[], bytea[],
    int[], uuid[], bigint[], int[], text[], bigint[], bytea[],
    int[], uuid[], uuid[], text[], text[], bytea[], bytea[]
) TO peiban_service;
