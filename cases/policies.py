"""Reactions: what an event on one aggregate makes us do to another, as an ordinary command.

Each policy follows the record by itself and keeps its own place. Its commands bear ids made from the event,
so that following twice does once; it is refused like anybody else, and a refusal is noted and passed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid5

from cases.case_events import CaseDecided, InspectionNoted
from cases.clock import office_day
from cases.commands import Command, OpenComplaint, PlaceHold
from cases.dispatch import Dispatcher
from cases.errors import RefusedError
from cases.evaluation import CaseEvaluated
from cases.permissions import Actor, Role
from cases.retention import DECIDED, INSPECTED
from eventstore import EventStore, Place, Recorded
from eventstore.errors import (
    AggregateNotFoundError,
    CommandRefusedError,
    ErasedError,
    RecordUnavailableError,
)

log = logging.getLogger(__name__)

# What asking again will not change.
_FINAL = (RefusedError, AggregateNotFoundError, CommandRefusedError, ErasedError)


class Tracking(Protocol):
    """Where a follower stands in the record: at the last event that it has dealt with, at the beginning at first."""

    async def get(self, name: str) -> Place: ...

    async def set(self, name: str, place: Place) -> None: ...


@dataclass(frozen=True)
class Policy:
    """name: stored with its place and part of its commands' ids, so it never changes. react: event → commands."""

    name: str
    react: Callable[[Recorded], Awaitable[Sequence[Command]]]


class PolicyRunner:
    """Runs policies beside each other; one that waits for its database does not hold up the others.

    refused, retried: how often, by policy name, since the start.
    """

    def __init__(
        self,
        store: EventStore,
        dispatcher: Dispatcher,
        policies: Sequence[Policy],
        *,
        tracking: Tracking,
        retry_after: float = 1.0,
    ) -> None:
        assert len({policy.name for policy in policies}) == len(policies), "two policies share a name"
        self._store = store
        self._dispatcher = dispatcher
        self._policies = policies
        self._tracking = tracking
        self._retry_after = retry_after
        self._positions = {policy.name: 0 for policy in policies}
        self._moved = asyncio.Condition()
        self.refused: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()

    async def run(self) -> None:
        """Follows until cancelled."""
        async with asyncio.TaskGroup() as group:
            for policy in self._policies:
                group.create_task(self._keep_following(policy), name=f"policy {policy.name}")

    async def passed(self, position: int) -> None:
        """Returns when every policy has dealt with the record up to this position."""
        async with self._moved:
            await self._moved.wait_for(lambda: all(place >= position for place in self._positions.values()))

    async def _keep_following(self, policy: Policy) -> None:
        while True:
            try:
                await self._follow(policy)
            except RecordUnavailableError:
                self.retried[policy.name] += 1
                log.warning("policy waits for the database", extra={"policy": policy.name})
                await asyncio.sleep(self._retry_after)
            except Exception:
                # The policy stands still where it failed: skipping would lose a reaction for good.
                self.retried[policy.name] += 1
                log.exception("policy failed, will try again", extra={"policy": policy.name})
                await asyncio.sleep(self._retry_after)

    async def _follow(self, policy: Policy) -> None:
        place = await self._tracking.get(policy.name)
        await self._note(policy, place.position)
        async with self._store.follow(after=place) as pages:
            async for page in pages:
                done = place
                try:
                    for recorded in page:
                        await self._react(policy, recorded)
                        done = recorded.place
                finally:
                    # Also when one failed: what was done before it, a message sent, is not done with each new try.
                    if done != place:
                        await self._tracking.set(policy.name, done)
                        await self._note(policy, done.position)
                        place = done

    async def _react(self, policy: Policy, recorded: Recorded) -> None:
        actor = Actor(id=f"system:{policy.name}", roles=frozenset({Role.SYSTEM}), channel="system")
        cause = f"event:{recorded.originator_id}@{recorded.originator_version}"
        for index, command in enumerate(await policy.react(recorded)):
            try:
                await self._dispatcher.handle(actor, command, reaction_id(recorded, policy.name, index), cause=cause)
            except _FINAL as error:
                self.refused[policy.name] += 1
                log.warning(
                    "reaction refused",
                    extra={
                        "policy": policy.name,
                        "code": error.code,
                        "cause": cause,
                        "command": type(command).__name__,
                    },
                )

    async def _note(self, policy: Policy, position: int) -> None:
        async with self._moved:
            self._positions[policy.name] = position
            self._moved.notify_all()


def reaction_id(recorded: Recorded, policy: str, index: int) -> UUID:
    """The id of the command with which a policy answers an event: the same whenever it is asked."""
    event_id = uuid5(recorded.originator_id, str(recorded.originator_version))
    return uuid5(event_id, policy if index == 0 else f"{policy}/{index}")


async def _complain_about_bad_rating(recorded: Recorded) -> Sequence[Command]:
    match recorded.event:
        case CaseEvaluated(real_named=True, level=level) as event if level <= CaseEvaluated.BAD:
            return [OpenComplaint(case_id=UUID(event.case), evaluation_id=event.originator_id)]
    return []


async def _keep_papers(recorded: Recorded) -> Sequence[Command]:
    """What the archives keep by rule gets its hold; the rule asks again for each inspection, which places no second."""
    match recorded.event:
        case CaseDecided() as event:
            rule = DECIDED
        case InspectionNoted(stage="ended" | "sealed") as event:
            rule = INSPECTED
        case _:
            return []
    until = rule.until(office_day(event.timestamp))
    return [PlaceHold(case_id=event.originator_id, basis=rule.basis, until=until)]  # type: ignore[arg-type]  # the rules' own codes


POLICIES = (
    Policy("bad-rating-opens-complaint", _complain_about_bad_rating),
    Policy("kept-papers-are-held", _keep_papers),
)
