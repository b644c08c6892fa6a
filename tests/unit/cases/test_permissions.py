"""The permission table: complete, and exact for every role, action and scope."""

from __future__ import annotations

from itertools import product
from uuid import uuid4

import pytest

import inspection.commands
from cases import commands
from cases.catalogue import shipped
from cases.commands import Command
from cases.directory import Directory
from cases.errors import NotPermittedError
from cases.handlers import case_handlers
from cases.permissions import READS, TABLE, Actor, Role, Scope, Subject, may, permit
from tests.builders import FilesOf

SUBJECT = Subject(
    office="qd-shinan",
    region="370202",
    applicant="person:owner",
    companions=frozenset({"staff:companion"}),
    assigned=frozenset({"staff:inspector"}),
    invited=frozenset({"guest:invited"}),
)
# For each scope an actor whom it holds for, and one whom it misses by a hair.
INSIDE: dict[Scope, dict[str, str]] = {
    Scope.OWN: {"id": "person:owner"},
    Scope.COMPANION: {"id": "staff:companion"},
    Scope.ASSIGNED: {"id": "staff:inspector"},
    Scope.INVITED: {"id": "guest:invited"},
    Scope.OFFICE: {"id": "staff:x", "office": "qd-shinan", "region": "370203"},
    Scope.REGION: {"id": "staff:x", "office": "qd", "region": "3702"},
    Scope.ANY: {"id": "staff:x"},
}
STRANGER = {"id": "staff:x", "office": "qd-shibei", "region": "370203"}


def command_names() -> set[str]:
    found = set()
    for module in (commands, inspection.commands):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Command) and value is not Command:
                found.add(value.__name__)
    return found


def test_every_command_has_a_row_and_every_row_is_a_command_or_a_read() -> None:
    assert TABLE.keys() - READS == command_names()
    assert TABLE.keys() >= READS


def test_every_command_on_cases_has_its_handler() -> None:
    handled = case_handlers(Directory(), FilesOf("person:x")).by_command
    here = {v for v in vars(commands).values() if isinstance(v, type) and issubclass(v, Command)} - {Command}
    assert handled.keys() == here


@pytest.mark.parametrize(("role", "scope"), list(product(Role, Scope)), ids=str)
def test_a_role_may_do_exactly_what_the_table_says_inside_its_scope(role: Role, scope: Scope) -> None:
    actor = Actor(roles=frozenset({role}), channel="desk", **INSIDE[scope])
    for action, rules in TABLE.items():
        allowed = (role, scope) in rules or (role, Scope.ANY) in rules
        assert may(actor, action, SUBJECT) is allowed, action


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_nothing_outside_its_scope(role: Role) -> None:
    actor = Actor(roles=frozenset({role}), channel="desk", **STRANGER)
    for action, rules in TABLE.items():
        assert may(actor, action, SUBJECT) is ((role, Scope.ANY) in rules), action


def test_an_actor_without_roles_may_do_nothing() -> None:
    actor = Actor(id="person:owner", roles=frozenset(), channel="phone", office="qd-shinan", region="3702")
    assert not any(may(actor, action, SUBJECT) for action in TABLE)


def test_empty_facts_match_nobody() -> None:
    """An unknown applicant, office or region is no wildcard."""
    nothing = Subject(office="", region="")
    actor = Actor(id="", roles=frozenset(Role) - {Role.SYSTEM}, channel="desk")
    for action, rules in TABLE.items():
        anywhere = any(scope == Scope.ANY and role != Role.SYSTEM for role, scope in rules)
        assert may(actor, action, nothing) is anywhere, action


def test_who_may_not_is_told_what_to_do() -> None:
    with pytest.raises(NotPermittedError) as error:
        permit(Actor(id="staff:x", roles=frozenset({Role.OFFICER}), channel="desk"), "AcceptCase", SUBJECT)
    assert error.value.zh
    assert error.value.en


def test_an_action_without_a_row_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        may(Actor(id="staff:x", roles=frozenset(), channel="desk"), "StealCase", SUBJECT)


def test_a_command_names_what_it_acts_on_and_nothing_else() -> None:
    assert commands.AcceptCase(case_id=uuid4()).__struct_fields__ == ("case_id",)
    assert shipped().current("sports-swimming").version == 1
