"""What each guard in the SQL is there for: without it, the test that makes its claim fails.

The migration's own text is altered in one place, put into the test's database and the named test is run on it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import psycopg
import pytest

from eventstore import CommandRefusedError, EventStore, VaultKeys, VersionConflictError
from eventstore.migrate import MIGRATIONS
from tests.database import Database
from tests.integration.eventstore import test_append as appending
from tests.integration.eventstore import test_guards as guarding
from tests.integration.eventstore import test_idempotency as repeating
from tests.integration.eventstore import test_ordering as ordering

FUNCTION = (MIGRATIONS / "0005_append.sql").read_text(encoding="utf-8")
FUNCTION = FUNCTION[FUNCTION.index("CREATE FUNCTION peiban_append") : FUNCTION.index("REVOKE EXECUTE")]
FUNCTION = FUNCTION.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
STREAM_KEY = "ALTER TABLE peiban_events DROP CONSTRAINT peiban_events_originator_id_originator_version_key"
POSITION_KEY = "ALTER TABLE peiban_events DROP CONSTRAINT peiban_events_pkey"
COMMAND_KEY = "ALTER TABLE peiban_commands DROP CONSTRAINT peiban_commands_pkey"


@dataclass(frozen=True)
class Mutation:
    """text is replaced, or `also` is run, or both; `claim` is the test that has to notice."""

    name: str
    claim: Callable[..., Awaitable[None]]
    text: str = ""
    by: str = ""
    also: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)

    def statements(self) -> str:
        assert FUNCTION.count(self.text) == 1 or not self.text, f"{self.name}: the text is no longer there"
        return f"{FUNCTION.replace(self.text, self.by) if self.text else FUNCTION}; {self.also}"


LOCK = "WHERE h.log = 0 FOR UPDATE"
NO_LOCK = "WHERE h.log = 0"

MUTATIONS = [
    Mutation("no head lock", ordering.test_a_later_append_waits_for_an_earlier_one_that_is_still_open, LOCK, NO_LOCK),
    Mutation(
        "no head lock, and checks see an old state",
        ordering.test_the_version_check_sees_what_was_committed_while_it_waited_for_the_lock,
        LOCK,
        NO_LOCK,
    ),
    Mutation(
        "neither head lock nor key of positions: two events at one position",
        ordering.test_a_follower_is_given_nothing_while_an_earlier_append_is_open_and_then_skips_nothing,
        LOCK,
        NO_LOCK,
        also=POSITION_KEY,
    ),
    Mutation(
        "any isolation",
        ordering.test_an_older_snapshot_than_the_lock_is_refused,
        "<> 'read committed'",
        "= 'never'",
        arguments={"isolation": "repeatable_read"},
    ),
    *(
        Mutation(
            f"no version check: version {version}",
            appending.test_a_version_too_low_or_too_high_is_refused,
            "ELSE e.version <> last.version + 1",
            "ELSE false",
            arguments={"version": version},
        )
        for version in (1, 2, 4)
    ),
    Mutation(
        "streams begin anywhere",
        appending.test_a_new_stream_begins_at_the_beginning,
        "THEN e.version NOT IN (0, 1)",
        "THEN false",
    ),
    Mutation(
        "holes within a command",
        appending.test_a_hole_inside_a_command_is_refused,
        "WHEN e.version = e.behind + 1 THEN",
        "WHEN true THEN",
    ),
    Mutation(
        "no hash check",
        appending.test_a_hash_that_does_not_continue_the_chain_is_refused_by_the_database,
        "CASE WHEN e.hash = public.peiban_event_hash(e.before, e.originator, e.version, e.topic, e.state)"
        " THEN e.hash END",
        "e.hash",
    ),
    Mutation(
        "refused events are written",
        appending.test_a_command_over_two_streams_is_stored_whole_or_not_at_all,
        "WHERE e.command <> ALL (skipped);",
        ";",
    ),
    Mutation(
        "the head stays behind",
        appending.test_positions_are_gapless_under_concurrent_commands,
        "SET notification_id = head + cardinality(e_command)",
        "SET notification_id = head",
    ),
    Mutation(
        "no key of streams",
        ordering.test_commands_composed_into_one_call_wrongly_are_refused_whole,
        also=STREAM_KEY,
    ),
    Mutation(
        "no key of commands",
        ordering.test_commands_composed_into_one_call_wrongly_are_refused_whole,
        also=COMMAND_KEY,
    ),
    Mutation(
        "commands are not recognised",
        repeating.test_the_same_command_in_two_processes_at_once_happens_once,
        "ON p.command_id = c.id;",
        "ON p.command_id = c.id AND false;",
    ),
    Mutation(
        "commands are not recognised, nor have they a key",
        repeating.test_the_same_command_in_two_processes_at_once_happens_once,
        "ON p.command_id = c.id;",
        "ON p.command_id = c.id AND false;",
        also=COMMAND_KEY,
    ),
    Mutation(
        "no guard check",
        guarding.test_a_stream_that_was_read_must_still_stand_where_it_was_read,
        "AND g.version <> coalesce(last.version, -1)",
        "AND false",
    ),
    Mutation(
        "a stream at 0 counts as missing",
        guarding.test_a_stream_that_was_missing_must_still_be_missing,
        "g.version <> coalesce(last.version, -1)",
        "greatest(g.version, 0) <> coalesce(last.version, 0)",
    ),
    Mutation(
        "places move backwards",
        guarding.test_a_place_moves_with_the_command_or_neither_moves,
        "WHERE peiban_tracking.notification_id < excluded.notification_id",
        "",
    ),
    Mutation(
        "a place that does not move is no reason to refuse",
        guarding.test_a_place_moves_with_the_command_or_neither_moves,
        "FROM asked a WHERE NOT EXISTS (SELECT FROM moved m WHERE m.name = a.name)",
        "FROM asked a WHERE false",
    ),
    Mutation(
        "places of refused commands move",
        guarding.test_a_place_moves_with_the_command_or_neither_moves,
        "WHERE t.command <> ALL (replayed || refused)",
        "WHERE t.command <> ALL (replayed)",
    ),
]


# How a claim fails: by what it asserts, or because a key of the tables was the last to notice. Not by any other error:
# that would be one of the altered text itself.
NOTICED = (
    AssertionError,
    pytest.fail.Exception,
    CommandRefusedError,
    VersionConflictError,
    asyncpg.UniqueViolationError,
)


async def claimed(mutation: Mutation, database: Database, **fixtures: Any) -> None:
    known = {"database": database, **fixtures, **mutation.arguments}
    async with asyncio.timeout(30):
        await mutation.claim(**{name: known[name] for name in inspect.signature(mutation.claim).parameters})


def put_in(database: Database, statements: str) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(statements.encode())


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
async def test_without_its_guard_the_claim_fails(
    mutation: Mutation, database: Database, store: EventStore, vault_keys: VaultKeys
) -> None:
    put_in(database, mutation.statements())
    with pytest.raises(NOTICED):
        await claimed(mutation, database, store=store, vault_keys=vault_keys)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
async def test_with_it_the_claim_holds(
    mutation: Mutation, database: Database, store: EventStore, vault_keys: VaultKeys
) -> None:
    put_in(database, FUNCTION)
    await claimed(mutation, database, store=store, vault_keys=vault_keys)
