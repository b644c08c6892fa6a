from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import psycopg
import pytest

from eventstore.errors import MigrationError
from eventstore.migrate import migrate
from tests.database import PASSWORD, Database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_goods.sql").write_text("CREATE TABLE goods (id int)")
    return folder


async def test_each_file_is_applied_once(database: Database, folder: Path) -> None:
    assert await migrate(database.owner_url, [folder], PASSWORD) == ["shop/0001_goods.sql"]
    assert await migrate(database.owner_url, [folder], PASSWORD) == []
    (folder / "0002_price.sql").write_text("ALTER TABLE goods ADD COLUMN price int")
    assert await migrate(database.owner_url, [folder], PASSWORD) == ["shop/0002_price.sql"]


async def test_two_that_migrate_at_once_do_not_meet(database: Database, folder: Path) -> None:
    done = await asyncio.gather(*(migrate(database.owner_url, [folder], PASSWORD) for _ in range(3)))
    assert sorted(done) == [[], [], ["shop/0001_goods.sql"]]


async def test_a_file_that_fails_leaves_nothing_of_itself(database: Database, folder: Path) -> None:
    (folder / "0002_bad.sql").write_text("CREATE TABLE half (id int); SELECT nonsense")
    with pytest.raises(MigrationError, match=r"shop/0002_bad\.sql: .*nonsense"):
        await migrate(database.owner_url, [folder], PASSWORD)
    with psycopg.connect(database.owner_url) as connection:
        found = connection.execute("SELECT to_regclass('goods') IS NULL, to_regclass('half') IS NULL").fetchone()
    assert found == (False, True)


async def test_history_is_not_rewritten(database: Database, folder: Path) -> None:
    await migrate(database.owner_url, [folder], PASSWORD)
    (folder / "0001_goods.sql").write_text("CREATE TABLE goods (id bigint)")
    with pytest.raises(MigrationError, match="changed after"):
        await migrate(database.owner_url, [folder], PASSWORD)


async def test_an_older_program_keeps_its_hands_off_a_newer_database(database: Database, folder: Path) -> None:
    await migrate(database.owner_url, [folder], PASSWORD)
    (folder / "0001_goods.sql").unlink()
    with pytest.raises(MigrationError, match="newer"):
        await migrate(database.owner_url, [folder], PASSWORD)


async def test_a_misnamed_file_is_told(database: Database, folder: Path) -> None:
    (folder / "goods.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="NNNN_name"):
        await migrate(database.owner_url, [folder], PASSWORD)


async def test_a_password_may_hold_any_character(database: Database) -> None:
    assert await migrate(database.owner_url, [], 'it\'s \\ "odd"; DROP TABLE peiban_events') == []
    assert await migrate(database.owner_url, [], PASSWORD) == []


async def test_a_role_that_is_there_keeps_the_password_that_somebody_else_gave_it(database: Database) -> None:
    """Otherwise each `peiban migrate` would cut off the service that runs beside it."""
    before = await _password(database)
    assert before
    await migrate(database.owner_url, [], "another", keep_password=True)
    assert await _password(database) == before


async def _password(database: Database) -> str:
    connection = await asyncpg.connect(database.superuser_url)
    kept: str = await connection.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'peiban_service'")
    await connection.close()
    return kept
