"""Append-only is the database's word, not ours: these statements go past every line of our code."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from eventstore import EventStore
from tests.database import Database
from tests.integration.eventstore.ledger import open_ledger

INSERT = "INSERT INTO peiban_events (originator_id, originator_version, topic, state, hash, notification_id) VALUES "
EVENT = "('00000000-0000-4000-8000-000000000001', 1, 't', '{}', decode(repeat('00', 32), 'hex'), 2)"


def attempt(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE peiban_events SET state = '{}'",
        "DELETE FROM peiban_events",
        "TRUNCATE peiban_events",
        "DROP TABLE peiban_events",
        "ALTER TABLE peiban_events DISABLE TRIGGER append_only",
        "ALTER TABLE peiban_events ADD COLUMN more int",
        INSERT + EVENT,
        "UPDATE peiban_head SET notification_id = 0",
        "DELETE FROM peiban_head",
        "DELETE FROM peiban_commands",
        "INSERT INTO peiban_commands (command_id, notification_id, answer) VALUES (gen_random_uuid(), 0, '{}')",
        "UPDATE vault.data_keys SET wrapped = ''",
        "DELETE FROM vault.entries",
        "UPDATE vault.subjects SET subject = gen_random_uuid()",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (a int)",
        "CREATE OR REPLACE FUNCTION peiban_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP FUNCTION peiban_event_hash",
        "SET ROLE peiban_owner",
    ],
)
async def test_the_services_role_is_refused(store: EventStore, database: Database, statement: str) -> None:
    await open_ledger(store)
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(database.service_url, statement)
    assert await store.head() == 1


@pytest.mark.parametrize("who", ["owner", "superuser", "replica"])
@pytest.mark.parametrize(
    "statement", ["UPDATE peiban_events SET topic = 'x'", "DELETE FROM peiban_events", "TRUNCATE peiban_events"]
)
async def test_even_who_owns_the_record_is_refused(
    store: EventStore, database: Database, who: str, statement: str
) -> None:
    await open_ledger(store)
    url = database.owner_url if who == "owner" else database.superuser_url
    with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        attempt(url, f"SET session_replication_role = replica; {statement}" if who == "replica" else statement)
    assert len(await store.page(0, 10)) == 1


async def test_only_the_services_role_may_append(database: Database) -> None:
    """Every function that acts with its owner's rights is closed to all others."""
    with psycopg.connect(database.superuser_url) as connection:
        doors = connection.execute(
            "SELECT p.proname, a.grantee::regrole::text FROM pg_proc p, aclexplode(p.proacl) a"
            " WHERE p.prosecdef AND a.grantee <> p.proowner ORDER BY 1, 2"
        ).fetchall()
        open_to_all = connection.execute("SELECT proname FROM pg_proc WHERE prosecdef AND proacl IS NULL").fetchall()
    assert {name for name, _ in doors} == {"peiban_append", "erase"}
    assert {who for _, who in doors} == {"peiban_service"}
    assert open_to_all == []


async def test_no_door_looks_where_others_may_put_things(database: Database) -> None:
    """An overload in a schema that is searched would run with the owner's rights."""
    with psycopg.connect(database.superuser_url) as connection:
        paths = connection.execute(
            "SELECT DISTINCT array_to_string(ARRAY(SELECT s FROM unnest(proconfig) s WHERE s LIKE 'search_path=%'), '')"
            " FROM pg_proc WHERE prosecdef"
        ).fetchall()
    assert paths == [("search_path=pg_catalog, pg_temp",)]


async def test_a_function_planted_in_public_is_not_called_by_the_door(store: EventStore, database: Database) -> None:
    """Databases of PostgreSQL 14, and those upgraded from it, let everybody create there."""
    attempt(database.superuser_url, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    attempt(
        database.service_url,
        "CREATE FUNCTION public.width_bucket(int, int[]) RETURNS int LANGUAGE plpgsql"
        " AS 'BEGIN RAISE EXCEPTION ''called as %'', current_user; END'",
    )
    await open_ledger(store)
    assert await store.head() == 1


async def test_what_is_erased_does_not_wait_long_for_the_vacuum(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        eager = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'vault'::regnamespace"
            " AND 'autovacuum_vacuum_threshold=1' = ANY (reloptions) ORDER BY 1"
        ).fetchall()
    assert eager == [("data_keys",), ("entries",), ("subjects",)]


async def test_the_services_role_owns_nothing(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        owned = connection.execute(
            "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'peiban_service'::regrole AND deptype = 'o'"
        ).fetchone()
        rights = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = 'peiban_service'"
        ).fetchone()
    assert owned == (0,)
    assert rights == (False, False, False, False)
