from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from cases.permissions import TABLE, Role
from web.app import ALL_ROUTES
from web.openapi import document
from web.routing import API, Route

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(ALL_ROUTES)))
# Given by reactions, the command line or the room, never over HTTP.
NOT_OVER_HTTP = {
    "NoteInspection",
    "NotePresence",
    "NoteRecording",
    "DraftSheet",
    "SealSheet",
    "OpenComplaint",
    "CompleteErasure",
}
NOT_OVER_HTTP |= {"EstablishOffice", "AppointStaff", "SetDuty", "NameDeputy", "ViewOutbox"}
VIA_INVITATION = {"BindInvitation"}
KINDS = {Role.APPLICANT: "applicant", Role.GUEST: "guest"}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_covers_every_route_and_nothing_else() -> None:
    assert set(operations()) == {(route.method, route.address) for route in ALL_ROUTES}


def test_no_two_operations_share_a_name() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_has_a_permission_decision(route: Route) -> None:
    if route.asks:
        assert route.who, "a route that asks the table needs to know who asks"
        able = {KINDS.get(role, "staff") for role, _ in TABLE[route.asks]} - {"system"}
        assert route.who <= able, "whoever the table never lets through is told so at the door"
    else:
        assert route.open_because


def test_every_right_of_the_table_can_be_used_through_some_route() -> None:
    asked = {route.asks for route in ALL_ROUTES} | NOT_OVER_HTTP | VIA_INVITATION
    assert not set(TABLE) - asked


def test_every_change_by_somebody_known_takes_a_token_and_what_is_recorded_a_key() -> None:
    for (method, _), operation in operations().items():
        names = {parameter["name"] for parameter in operation["parameters"]}
        if method != "GET" and operation["x-sessions"]:
            assert "X-CSRF-Token" in names
        if method != "GET" and operation["x-permission"]:
            assert "Idempotency-Key" in names


def test_what_stands_in_the_path_is_not_in_the_body() -> None:
    for (_, path), operation in operations().items():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            schema = DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            in_path = set(re.findall(r"{(\w+)}", path))
            assert not in_path & (set(schema["properties"]) | set(schema["required"]))
            assert schema["additionalProperties"] is False


def test_every_reference_of_the_document_leads_somewhere() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    schemas = DOCUMENT["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)


def test_all_addresses_lie_under_the_versioned_root() -> None:
    assert all(path.startswith(API + "/") for path in DOCUMENT["paths"])
