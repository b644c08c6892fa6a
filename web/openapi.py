"""The OpenAPI 3.1 document, made from the table of routes: `python -m web.openapi > openapi.json`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from web.routing import Route
from web.views import Problem

_REF = "#/components/schemas/{name}"
_COMMON = {"401": "not logged in", "403": "not permitted", "404": "no such record", "422": "invalid input"}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    table = list(routes)
    types = {kind for route in table for kind in (route.body, route.answer) if kind is not None}
    ordered = sorted(types | {Problem}, key=lambda kind: (kind.__module__, kind.__name__))
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    refs = dict(zip(ordered, schemas, strict=True))
    for route in table:
        if route.body is not None:
            _take_out(components[_name(refs[route.body])], route.placeholders)
    paths: dict[str, Any] = {}
    for route in table:
        path = re.sub(r"{(\w+):[^}]*}", r"{\1}", route.address)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "陪办 Peiban", "version": "1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-peiban"},
                "guest": {"type": "apiKey", "in": "cookie", "name": "__Host-peiban-guest"},
            },
        },
    }


def _take_out(schema: dict[str, Any], names: tuple[str, ...]) -> None:
    """What stands in the path is not in the body."""
    for name in names:
        schema.get("properties", {}).pop(name, None)
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name not in names]


def _operation(route: Route, refs: dict[type[Any], dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_parameters(route)],
        "responses": {
            "200": _answer(route, refs),
            **{status: _problem(about) for status, about in _COMMON.items()},
            "default": _problem("a problem that says what to do next"),
        },
        "security": _security(route),
        "x-permission": route.asks or None,
        "x-sessions": sorted(route.who),
    }
    if body := _request_body(route, refs):
        operation["requestBody"] = body
    return operation


def _parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name in route.placeholders:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for query in route.queries:
        yield {"name": query.name, "in": "query", "description": query.about, "schema": {"type": "string"}}
    if route.who and "guest" in route.who:
        about = "use the invited participant's session instead of the browser's own"
        yield {"name": "as", "in": "query", "description": about, "schema": {"enum": ["guest"]}}
    if route.who and route.changes:
        yield {"name": "X-CSRF-Token", "in": "header", "required": True, "schema": {"type": "string"}}
    if route.keyed:
        about = "one uuid per user action, sent again on a retry"
        yield {
            "name": "Idempotency-Key", "in": "header", "required": True, "description": about,
            "schema": {"type": "string", "format": "uuid"},
        }  # fmt: skip


def _request_body(route: Route, refs: dict[type[Any], dict[str, Any]]) -> dict[str, Any] | None:
    if route.upload is not None:
        fields: dict[str, Any] = {name: {"type": "string"} for name in route.upload}
        schema = {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}, **fields},
            "required": ["file"],
        }
        return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    if route.body is not None:
        return {"required": True, "content": {"application/json": {"schema": refs[route.body]}}}
    return None


def _answer(route: Route, refs: dict[type[Any], dict[str, Any]]) -> dict[str, Any]:
    if route.answer is None:
        schema: dict[str, Any] = {"type": "string", "format": "binary"}
    else:
        schema = refs[route.answer]
    return {"description": route.summary, "content": {route.media: {"schema": schema}}}


def _problem(about: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": about, "content": {"application/problem+json": {"schema": schema}}}


def _security(route: Route) -> list[dict[str, list[str]]]:
    if not route.who:
        return [{}]
    members: list[dict[str, list[str]]] = [{"session": []}] if route.who & {"applicant", "staff"} else []
    return members + ([{"guest": []}] if "guest" in route.who else [])


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def main() -> None:
    from web.app import ALL_ROUTES  # noqa: PLC0415 - the application stands on this module

    encoded = msgspec.json.encode(document(ALL_ROUTES), order="sorted")
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


if __name__ == "__main__":
    main()
