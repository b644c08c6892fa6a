from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from eventstore import OutcomeUnknownError, RecordUnavailableError, VersionConflictError
from eventstore.batch import Written
from eventstore.connection import connect
from eventstore.embedded import SUPERUSER, EmbeddedPostgres
from eventstore.migrate import MIGRATIONS, SERVICE_ROLE, migrate
from tests.database import PASSWORD, Database
from tests.integration.eventstore.proxy import Proxy
from tests.integration.eventstore.raw import append, stored, until, writer


async def stored_events(database: Database) -> int:
    connection = await connect(database.service_url)
    count: int = await connection.fetchval("SELECT count(*) FROM peiban_events")
    await connection.close()
    return count


async def test_a_reply_lost_after_the_commit_is_found_out(database: Database, server_root: Path) -> None:
    async with Proxy(database.service_url, server_root).running() as proxy, writer(proxy.url) as batch:
        await batch.write(append(stored(uuid4(), 1)))
        proxy.lose_next_reply = True
        written = await batch.write(append(stored(uuid4(), 1), answer='{"number": 2}'))
        assert proxy.lost == 1
    assert (written.position, written.answer, written.replayed) == (2, '{"number": 2}', False)
    assert await stored_events(database) == 2


async def test_a_request_lost_on_its_way_is_written_once(database: Database, server_root: Path) -> None:
    async with Proxy(database.service_url, server_root).running() as proxy, writer(proxy.url) as batch:
        await batch.write(append(stored(uuid4(), 1)))
        proxy.lose_next_request = True
        written = await batch.write(append(stored(uuid4(), 1)))
        assert proxy.lost == 1
    assert (written.position, written.replayed) == (2, False)
    assert await stored_events(database) == 2


async def test_while_nobody_can_tell_the_answer_is_unknown_and_asking_again_tells(
    database: Database, server_root: Path
) -> None:
    command = append(stored(uuid4(), 1), answer='{"number": 7}')
    async with (
        Proxy(database.service_url, server_root).running() as proxy,
        writer(proxy.url, pauses=(0.0, 0.0)) as batch,
    ):
        await batch.write(append(stored(uuid4(), 1)))
        proxy.lose_next_reply = proxy.closed_for_new = True
        with pytest.raises(OutcomeUnknownError):
            await batch.write(command)
        proxy.closed_for_new = False
        again = await batch.write(command)
    assert (again.position, again.answer, again.replayed) == (2, '{"number": 7}', True)
    assert await stored_events(database) == 2


async def test_a_database_that_is_away_from_the_start_means_nothing_was_stored(
    database: Database, server_root: Path
) -> None:
    async with Proxy(database.service_url, server_root).running() as proxy, writer(proxy.url) as batch:
        proxy.closed_for_new = True
        with pytest.raises(RecordUnavailableError):
            await batch.write(append(stored(uuid4(), 1)))
        proxy.closed_for_new = False
        assert (await batch.write(append(stored(uuid4(), 1)))).position == 1


async def test_another_process_taking_the_version_meanwhile_is_told_as_a_conflict_not_as_success(
    database: Database, server_root: Path
) -> None:
    stream = uuid4()
    async with (
        Proxy(database.service_url, server_root).running() as proxy,
        writer(proxy.url, pauses=(0.0, 0.2)) as batch,
        writer(database.service_url) as neighbour,
    ):
        await batch.write(append(stored(uuid4(), 1)))
        proxy.lose_next_request = True
        mine = asyncio.create_task(batch.write(append(stored(stream, 1))))
        while not proxy.lost:
            proxy.closed_for_new = True
            await asyncio.sleep(0)
        await neighbour.write(append(stored(stream, 1)))
        proxy.closed_for_new = False
        with pytest.raises(VersionConflictError):
            await mine


async def test_another_process_that_ran_the_same_command_meanwhile_is_told_apart_by_its_hash(
    database: Database, server_root: Path
) -> None:
    """Both carry one id; our request was lost. What is stored is the other's, and so is the answer."""
    command_id = uuid4()
    async with (
        Proxy(database.service_url, server_root).running() as proxy,
        writer(proxy.url, pauses=(0.0, 0.2)) as batch,
        writer(database.service_url) as neighbour,
    ):
        await batch.write(append(stored(uuid4(), 1)))
        proxy.lose_next_request = True
        mine = asyncio.create_task(batch.write(append(stored(uuid4(), 1), command_id=command_id, answer='"mine"')))
        while not proxy.lost:
            proxy.closed_for_new = True
            await asyncio.sleep(0)
        theirs = await neighbour.write(append(stored(uuid4(), 1), command_id=command_id, answer='"theirs"'))
        proxy.closed_for_new = False
        assert await mine == Written(theirs.position, '"theirs"', replayed=True)
    assert await stored_events(database) == 2


WARN_AT_COMMIT = """
CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE WARNING $$perhaps$$; RETURN NULL; END';
CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON peiban_events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION warn();
"""


async def test_a_warning_at_commit_leaves_the_whole_batch_open_until_it_is_confirmed(database: Database) -> None:
    owner = await connect(database.owner_url)
    commands = [append(stored(uuid4(), 1), answer=str(number)) for number in range(3)]
    async with writer(database.service_url) as batch:
        await owner.execute(WARN_AT_COMMIT)
        results = await asyncio.gather(*(batch.write(one) for one in commands), return_exceptions=True)
        assert [type(result) for result in results] == [OutcomeUnknownError] * 3
        await owner.execute("DROP TRIGGER warn ON peiban_events")
        confirmed = [await batch.confirm(one.command_id) for one in commands]
        assert confirmed == [Written(place, str(place - 1), replayed=True) for place in (1, 2, 3)]
        assert await batch.write(commands[1]) == confirmed[1]
    await owner.close()
    assert await stored_events(database) == 3


@pytest.fixture
def waiting_server(server_root: Path) -> EmbeddedPostgres:
    """A server whose commits wait for a standby that does not exist."""
    return EmbeddedPostgres(server_root, settings={"synchronous_standby_names": "nobody"})


def test_a_commit_that_its_standby_never_confirmed_is_unknown(waiting_server: EmbeddedPostgres) -> None:
    waiting_server.start()
    try:
        asyncio.run(_cancel_the_wait_for_the_standby(waiting_server))
    finally:
        waiting_server.stop()


async def _cancel_the_wait_for_the_standby(server: EmbeddedPostgres) -> None:
    # Set per database, so that the migration does not wait but the service's session does.
    administrator = await asyncpg.connect(server.url(SUPERUSER))
    await administrator.execute("SET synchronous_commit = local")
    await administrator.execute("ALTER ROLE peiban_owner SET synchronous_commit = local")
    await migrate(server.url(), [MIGRATIONS], PASSWORD)
    async with writer(server.url(SERVICE_ROLE)) as batch:
        command = append(stored(uuid4(), 1))
        pending = asyncio.create_task(batch.write(command))
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"
        pid = await until(administrator, waiting)
        await administrator.execute("SELECT pg_cancel_backend($1)", pid)
        with pytest.raises(OutcomeUnknownError):
            await pending
        # It can be seen by now, but asking again waits for the standby as well, and knows no more without it.
        again = asyncio.create_task(batch.confirm(command.command_id))
        await administrator.execute("SELECT pg_cancel_backend($1)", await until(administrator, waiting))
        with pytest.raises(OutcomeUnknownError):
            await again
    await administrator.execute(f"ALTER ROLE {SERVICE_ROLE} SET synchronous_commit = local")
    async with writer(server.url(SERVICE_ROLE)) as batch:
        assert await batch.confirm(command.command_id) == Written(1, command.answer, replayed=True)
        assert await batch.confirm(uuid4()) is None
    # The row is there to see, and would be gone after a failover: hence neither yes nor no.
    assert await administrator.fetchval("SELECT count(*) FROM peiban_events") == 1
    await administrator.close()
