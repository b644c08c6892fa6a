"""The one way in for commands: who acts, may he, load, decide, append.

A handler is an async function `(desk, command) -> answer`. It works on aggregates got through the desk,
which asks the permission table on the first one; a handler that never asked is a programming error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from cases.catalogue import Catalogue
from cases.commands import Command
from cases.permissions import Actor, Subject, permit
from eventstore import EventStore, Outcome, Sealed, UnitOfWork
from eventstore.aggregate import Aggregate, Context

Answer = dict[str, Any]
Clock = Callable[[], datetime]


class Governed(Protocol):
    """An aggregate that knows the facts which permissions are held against."""

    def subject(self) -> Subject: ...


A = TypeVar("A", bound=Aggregate)


class Desk:
    """What a handler works with: aggregates, the vault, the catalogue, the time, and who acts."""

    def __init__(
        self, work: UnitOfWork, *, actor: Actor, action: str, now: datetime, cause: str, catalogue: Catalogue
    ) -> None:
        self._work = work
        self._action = action
        self._cause = cause
        self._context: Context | None = None
        self.actor = actor
        self.now = now
        self.catalogue = catalogue

    @property
    def context(self) -> Context:
        assert self._context is not None, f"{self._action} acts before asking permission"
        return self._context

    def on_the_spot(self) -> None:
        """What follows is done at the premises, whatever the actor is logged in with."""
        self._context = replace(self.context, channel="field")

    def permit(self, subject: Subject) -> None:
        """Asks the table; from here on events are written in the name of the subject's office and region."""
        permit(self.actor, self._action, subject)
        if self._context is None:
            self._context = Context(
                at=self.now,
                actor=self.actor.id,
                principal=self.actor.principal or self.actor.id,
                channel=self.actor.channel,
                office=subject.office,
                region=subject.region,
                cause=self._cause,
            )

    async def get(self, kind: type[A], id: UUID) -> A:
        """Loads the aggregate that the command acts on; `subject()` of it is held against the table."""
        aggregate = await self._work.get(kind, id)
        subject: Callable[[], Subject] = aggregate.subject  # type: ignore[attr-defined]  # Governed; an intersection type is not expressible
        self.permit(subject())
        return aggregate

    async def peek(self, kind: type[A], id: UUID) -> A:
        """Loads an aggregate that the command only consults."""
        return await self._work.get(kind, id)

    def add(self, aggregate: Aggregate) -> None:
        self._work.add(aggregate)

    async def seal(self, subject: UUID, scope: UUID, values: Mapping[str, str]) -> dict[str, Sealed]:
        """Puts personal values into the vault: under a key of this person (`subject`) and this case (`scope`)."""
        return await self._work.seal(subject, scope, values)


Handler = Callable[[Desk, Any], Awaitable[Answer]]


@dataclass(frozen=True)
class Handlers:
    """Which handler serves which command. Each floor contributes its own; the composition root joins them."""

    by_command: Mapping[type[Command], Handler]

    def __or__(self, other: Handlers) -> Handlers:
        twice = self.by_command.keys() & other.by_command.keys()
        assert not twice, f"two handlers for {twice}"
        return Handlers({**self.by_command, **other.by_command})


class Dispatcher:
    """Runs commands. A retried `command_id` answers as the first one did."""

    def __init__(self, store: EventStore, handlers: Handlers, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._handlers = handlers.by_command
        self._catalogue = catalogue
        self.clock = clock

    async def handle(self, actor: Actor, command: Command, command_id: UUID, *, cause: str = "") -> Outcome:
        """cause: the event that a reaction answers, `event:<uuid>@<version>`; for people it is the command itself."""
        handler = self._handlers[type(command)]

        async def decide(work: UnitOfWork) -> Answer:
            desk = Desk(
                work,
                actor=actor,
                action=type(command).__name__,
                now=self.clock(),
                cause=cause or f"command:{command_id}",
                catalogue=self._catalogue,
            )
            return await handler(desk, command)

        return await self._store.execute(command_id, decide)
