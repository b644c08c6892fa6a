-- peiban_append learns of what a command read without writing it, and of how far the follower that sent it has come.
--
-- As before: one round trip, many commands, each with its own result: 'accepted', 'conflict' or 'replayed'; and SECURITY
-- DEFINER, for the reason given in 0003_append.sql: the service can neither skip a position nor break a chain.
--
-- Arrays are parallel: c_* one row per command; e_* one per event, g_* one per guard, t_* one per tracking and v_* one
-- per vault entry, whose *_command is the 1-based index of its command. Two commands of one call must not share an id, a
-- stream that one of them writes, or a tracking's name (the caller sees to it).
DROP FUNCTION peiban_append(
    uuid[], text[], int[], uuid[], bigint[], text[], bytea[], bytea[],
    int[], uuid[], uuid[], text[], text[], bytea[], bytea[]
);

CREATE FUNCTION peiban_append(
    c_id uuid[], c_answer text[],
    e_command int[], e_originator uuid[], e_version bigint[], e_topic text[], e_state bytea[], e_hash bytea[],
    g_command int[], g_originator uuid[], g_version bigint[],
    t_command int[], t_name text[], t_position bigint[], t_hash bytea[],
    v_command int[], v_ref uuid[], v_key uuid[], v_field text[], v_algorithm text[], v_nonce bytea[], v_ciphertext bytea[]
) RETURNS TABLE (command int, outcome text, notification_id bigint, answer text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    head bigint;
    replayed int[];
    refused int[];
    written bigint;
BEGIN
    -- Under a stricter isolation the snapshot would be older than the head lock, and the checks below blind.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'peiban_append needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;

    -- First the lock; every later statement sees all that was committed before it was granted.
    SELECT h.notification_id INTO STRICT head FROM peiban_head h WHERE h.log = 0 FOR UPDATE;

    SELECT coalesce(array_agg(c.i), '{}') INTO replayed
    FROM unnest(c_id) WITH ORDINALITY AS c (id, i) JOIN peiban_commands p ON p.command_id = c.id;

    -- A stream goes on exactly where it stands; a new one begins at 1 (or at 0, which the package also allows).
    SELECT coalesce(array_agg(DISTINCT s.command), '{}') INTO refused
    FROM (
        SELECT e.command, e.originator, min(e.version) AS first
        FROM unnest(e_command, e_originator, e_version) AS e (command, originator, version)
        WHERE e.command <> ALL (replayed)
        GROUP BY e.command, e.originator
    ) s
    LEFT JOIN LATERAL (
        SELECT p.originator_version AS version FROM peiban_events p
        WHERE p.originator_id = s.originator ORDER BY p.originator_version DESC LIMIT 1
    ) last ON true
    WHERE CASE WHEN last.version IS NULL THEN s.first NOT IN (0, 1) ELSE s.first <> last.version + 1 END;

    -- A stream that was only read still stands where it stood; -1: there is none.
    SELECT refused || coalesce(array_agg(DISTINCT g.command), '{}') INTO refused
    FROM unnest(g_command, g_originator, g_version) AS g (command, originator, version)
    LEFT JOIN LATERAL (
        SELECT p.originator_version AS version FROM peiban_events p
        WHERE p.originator_id = g.originator ORDER BY p.originator_version DESC LIMIT 1
    ) last ON true
    WHERE g.command <> ALL (replayed) AND g.command <> ALL (refused) AND g.version <> coalesce(last.version, -1);

    -- A follower's place only moves forward. Followers may also move it past us, so it is moved before it is judged.
    WITH asked AS (
        SELECT t.* FROM unnest(t_command, t_name, t_position, t_hash) AS t (command, name, position, hash)
        WHERE t.command <> ALL (replayed) AND t.command <> ALL (refused)
    ), moved AS (
        INSERT INTO peiban_tracking (name, notification_id, hash) SELECT a.name, a.position, a.hash FROM asked a
        ON CONFLICT (name) DO UPDATE
            SET notification_id = excluded.notification_id, hash = excluded.hash, recorded_at = clock_timestamp()
            WHERE peiban_tracking.notification_id < excluded.notification_id
        RETURNING name
    )
    SELECT refused || coalesce(array_agg(a.command), '{}') INTO refused
    FROM asked a WHERE NOT EXISTS (SELECT FROM moved m WHERE m.name = a.name);

    WITH given AS MATERIALIZED (
        SELECT e.*, lag(e.hash) OVER w AS before, lag(e.version) OVER w AS version_before
        FROM unnest(e_command, e_originator, e_version, e_topic, e_state, e_hash)
            WITH ORDINALITY AS e (command, originator, version, topic, state, hash, place)
        WHERE e.command <> ALL (replayed) AND e.command <> ALL (refused)
        WINDOW w AS (PARTITION BY e.command, e.originator ORDER BY e.version)
    )
    INSERT INTO peiban_events (notification_id, originator_id, originator_version, topic, state, hash)
    SELECT
        head + row_number() OVER (ORDER BY g.place), g.originator, g.version, g.topic, g.state,
        -- NULL, and so refused by the column, when the given hash does not continue the stored chain.
        CASE
            WHEN g.version <> g.version_before + 1 THEN NULL
            WHEN g.hash = peiban_event_hash(coalesce(g.before, last.hash, decode(repeat('00', 32), 'hex')),
                                            g.originator, g.version, g.topic, g.state) THEN g.hash
        END
    FROM given g
    LEFT JOIN LATERAL (
        SELECT p.hash FROM peiban_events p
        WHERE g.before IS NULL AND p.originator_id = g.originator ORDER BY p.originator_version DESC LIMIT 1
    ) last ON true;
    GET DIAGNOSTICS written = ROW_COUNT;

    INSERT INTO vault.entries (ref, key_id, field, algorithm, nonce, ciphertext)
    SELECT v.ref, v.key, v.field, v.algorithm, v.nonce, v.ciphertext
    FROM unnest(v_command, v_ref, v_key, v_field, v_algorithm, v_nonce, v_ciphertext)
        AS v (command, ref, key, field, algorithm, nonce, ciphertext)
    WHERE v.command <> ALL (replayed) AND v.command <> ALL (refused);

    IF written > 0 THEN
        UPDATE peiban_head h SET notification_id = head + written WHERE h.log = 0;
        PERFORM pg_notify('peiban_events', '');
    END IF;

    RETURN QUERY
    WITH accepted AS (
        INSERT INTO peiban_commands (command_id, notification_id, answer)
        SELECT c.id, coalesce(max(n.notification_id), 0), c.answer::json
        FROM unnest(c_id, c_answer) WITH ORDINALITY AS c (id, answer, i)
        LEFT JOIN unnest(e_command, e_originator, e_version) AS e (command, originator, version) ON e.command = c.i
        LEFT JOIN peiban_events n ON n.originator_id = e.originator AND n.originator_version = e.version
        WHERE c.i <> ALL (replayed) AND c.i <> ALL (refused)
        GROUP BY c.id, c.answer, c.i
        RETURNING command_id, notification_id, answer
    )
    SELECT c.i::int, 'accepted', a.notification_id, a.answer::text
    FROM unnest(c_id) WITH ORDINALITY AS c (id, i) JOIN accepted a ON a.command_id = c.id
    UNION ALL
    SELECT c.i::int, 'replayed', p.notification_id, p.answer::text
    FROM unnest(c_id) WITH ORDINALITY AS c (id, i) JOIN peiban_commands p ON p.command_id = c.id
    WHERE c.i = ANY (replayed)
    UNION ALL
    SELECT r, 'conflict', 0::bigint, NULL::text FROM unnest(refused) AS r;
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
