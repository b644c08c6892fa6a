from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import psycopg
import pytest

from eventstore import (
    CommandRefusedError,
    ErasedError,
    EventStore,
    Outcome,
    Sealed,
    UnitOfWork,
    VaultKeyError,
    VaultKeys,
)
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, open_ledger

CANARY = "王小燕13987654321"


async def name_owner(store: EventStore, id: UUID, subject: UUID, name: str = CANARY) -> Outcome:
    async def decide(work: UnitOfWork) -> dict[str, str]:
        sealed = await work.seal(subject, id, {"name": name})
        (await work.get(Ledger, id)).name_owner(sealed["name"])
        return {"ref": sealed["name"]["ref"]}

    return await store.execute(uuid4(), decide)


async def owner_of(store: EventStore, id: UUID) -> Sealed:
    owner = (await store.get(Ledger, id)).owner
    assert owner is not None
    return owner


def everything_in(database: Database) -> bytes:
    """All rows of all tables, as text; bytes in hexadecimal and as they are."""
    found = b""
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            for row in connection.execute(f"SELECT t::text, t.* FROM {table} t".encode()):
                found += b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    return found


async def test_a_sealed_value_opens_by_its_reference(store: EventStore) -> None:
    id = await open_ledger(store)
    outcome = await name_owner(store, id, uuid4())
    owner = await owner_of(store, id)
    assert outcome.answer == {"ref": owner["ref"]}
    assert await store.vault.open([owner["ref"]]) == {owner["ref"]: CANARY}


async def test_a_person_is_nowhere_in_the_database_in_clear(store: EventStore, database: Database) -> None:
    id = await open_ledger(store)
    await name_owner(store, id, await store.vault.subject("phone", CANARY))
    rows = everything_in(database)
    assert b"test-owner-named" in rows
    for trace in (CANARY, "王小燕", "13987654321"):
        assert trace.encode() not in rows
        assert trace.encode().hex().encode() not in rows
        assert trace.encode("unicode_escape") not in rows


async def test_the_commitment_cannot_be_tried_out_without_the_keys(store: EventStore, database: Database) -> None:
    """No 32 bytes that lie in the database are the key under which the event commits to the value."""
    id = await open_ledger(store)
    await name_owner(store, id, uuid4())
    commitment = bytes.fromhex((await owner_of(store, id))["commitment"])
    rows = everything_in(database)
    keys = {rows[start : start + 32] for start in range(len(rows) - 31)}
    assert all(hmac.new(key, CANARY.encode(), hashlib.sha256).digest() != commitment for key in keys)


async def test_what_a_refused_command_sealed_is_not_kept(store: EventStore, database: Database) -> None:
    id = await open_ledger(store)

    async def decide(work: UnitOfWork) -> dict[str, str]:
        sealed = await work.seal(uuid4(), id, {"name": CANARY})
        work.add(Ledger.open(id))
        return {"ref": sealed["name"]["ref"]}

    with pytest.raises(Exception, match="reload"):
        await store.execute(uuid4(), decide)
    with psycopg.connect(database.owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM vault.entries").fetchone() == (0,)


async def test_an_erased_value_is_none_and_the_record_still_loads(store: EventStore, database: Database) -> None:
    id = await open_ledger(store)
    await name_owner(store, id, uuid4())
    owner = await owner_of(store, id)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DELETE FROM vault.entries")
        connection.execute("DELETE FROM vault.data_keys")
    assert await store.vault.open([owner["ref"]]) == {owner["ref"]: None}
    assert await owner_of(store, id) == owner


async def test_each_case_of_a_person_has_a_key_of_its_own(store: EventStore, database: Database) -> None:
    subject = uuid4()
    for _ in range(2):
        await name_owner(store, await open_ledger(store), subject)
    with psycopg.connect(database.owner_url) as connection:
        assert connection.execute("SELECT count(DISTINCT wrapped) FROM vault.data_keys").fetchone() == (2,)


@pytest.mark.parametrize(
    "alteration",
    [
        "UPDATE vault.entries SET field = 'phone'",
        "UPDATE vault.entries SET ref = gen_random_uuid()",
        "UPDATE vault.entries SET algorithm = 'none'",
        "UPDATE vault.data_keys SET subject = gen_random_uuid()",
        "UPDATE vault.data_keys SET scope = gen_random_uuid()",
        "UPDATE vault.data_keys SET kek_id = 'kek-other'",
        "UPDATE vault.entries SET ciphertext = set_byte(ciphertext, 40, get_byte(ciphertext, 40) # 1)",
    ],
)
async def test_a_value_moved_or_altered_does_not_open(store: EventStore, database: Database, alteration: str) -> None:
    id = await open_ledger(store)
    await name_owner(store, id, uuid4())
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(alteration.encode())
        moved = connection.execute("SELECT ref::text FROM vault.entries").fetchone()
    assert moved is not None
    with pytest.raises(VaultKeyError):
        await store.vault.open([str(moved[0])])


async def test_other_keys_do_not_open_it(store: EventStore, database: Database, vault_keys: VaultKeys) -> None:
    id = await open_ledger(store)
    ref = (await name_owner(store, id, uuid4())).answer["ref"]
    stranger = await EventStore.open(database.service_url, keys=replace(vault_keys, kek=bytes(32)))
    with pytest.raises(VaultKeyError):
        await stranger.vault.open([ref])
    await stranger.close()


async def test_a_value_leads_to_the_same_person_each_time(store: EventStore) -> None:
    assert await store.vault.find("phone", "13800000000") is None
    subjects = await asyncio.gather(*(store.vault.subject("phone", "13800000000") for _ in range(8)))
    assert len(set(subjects)) == 1
    assert await store.vault.find("phone", "13800000000") == subjects[0]
    assert await store.vault.subject("account", "13800000000") != subjects[0]


async def test_a_blob_opens_under_the_same_person_and_case_only(store: EventStore) -> None:
    subject, case = uuid4(), uuid4()
    blob = (await store.vault.cipher(subject, case)).seal(b"photo")
    assert b"photo" not in blob
    assert (await store.vault.cipher(subject, case)).open(blob) == b"photo"
    with pytest.raises(ErasedError):
        (await store.vault.cipher(subject, uuid4())).open(blob)
    with pytest.raises(VaultKeyError):
        (await store.vault.cipher(subject, case)).open(blob[:-1] + bytes([blob[-1] ^ 1]))


async def test_a_blob_whose_key_was_destroyed_is_gone(store: EventStore, database: Database) -> None:
    subject, case = uuid4(), uuid4()
    blob = (await store.vault.cipher(subject, case)).seal(b"photo")
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DELETE FROM vault.data_keys")
    with pytest.raises(ErasedError):
        (await store.vault.cipher(subject, case)).open(blob)


async def test_sealing_under_a_key_that_is_being_destroyed_fails_as_a_whole(
    store: EventStore, database: Database
) -> None:
    id = await open_ledger(store)

    async def decide(work: UnitOfWork) -> dict[str, str]:
        sealed = await work.seal(uuid4(), id, {"name": CANARY})
        (await work.get(Ledger, id)).name_owner(sealed["name"])
        connection = await asyncpg.connect(database.owner_url)
        await connection.execute("DELETE FROM vault.data_keys")
        await connection.close()
        return {}

    with pytest.raises(CommandRefusedError):
        await store.execute(uuid4(), decide)
    assert await store.head() == 1
