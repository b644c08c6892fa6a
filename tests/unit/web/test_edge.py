from __future__ import annotations

import json
import logging
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiohttp import web

from cases import errors as domain
from cases.commands import AcceptCase, EvaluateCase, IssueGapNotice
from eventstore import BusyError, OutcomeUnknownError, RecordUnavailableError, VersionConflictError
from inspection.commands import JudgeItem
from web.bodies import decode
from web.headers import content_policy
from web.observe import JsonLines
from web.problems import BodyError, EdgeError, ThrottledError, is_unexpected, problem_of


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (domain.InvalidInputError(), 422, "invalid-input"),
        (domain.NotPermittedError(), 403, "not-permitted"),
        (domain.MissingError(), 404, "missing"),
        (domain.WrongStateError(), 409, "wrong-state"),
        (VersionConflictError(), 409, "version-conflict"),
        (BusyError(1.2), 503, "busy"),
        (OutcomeUnknownError(), 503, "outcome-unknown"),
        (RecordUnavailableError(), 503, "record-unavailable"),
        (asyncpg.ConnectionDoesNotExistError(), 503, "record-unavailable"),
        (ConnectionRefusedError(), 503, "record-unavailable"),
        (web.HTTPNotFound(), 404, "no-such-address"),
        (web.HTTPMethodNotAllowed("GET", ["POST"]), 405, "method-not-allowed"),
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "too-large"),
        (ThrottledError(2.1), 429, "throttled"),
        (KeyError("张三"), 500, "unexpected"),
    ],
)
def test_each_error_becomes_one_problem(error: Exception, status: int, code: str) -> None:
    problem, _ = problem_of(error, "r-1")
    assert (problem.status, problem.code, problem.type) == (status, code, f"urn:peiban:problem:{code}")
    assert problem.title and problem.title_en
    assert "张三" not in repr(problem)


def test_what_may_be_tried_again_says_when() -> None:
    assert problem_of(BusyError(1.2), "")[1] == {"Retry-After": "2"}
    assert problem_of(ThrottledError(2.1), "")[1] == {"Retry-After": "3"}


def test_only_our_own_mistakes_are_unexpected() -> None:
    assert is_unexpected(ZeroDivisionError())
    assert not is_unexpected(domain.MissingError())


def test_all_refusals_of_the_edge_speak_both_languages() -> None:
    kinds = EdgeError.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        error = kind(retry_after=1) if kind is ThrottledError else kind()
        assert error.zh and error.en and error.zh != error.en


def refused(value: Any, kind: type[Any], path: dict[str, str]) -> dict[str, str]:
    with pytest.raises(BodyError) as error:
        decode(value, kind, path)
    fields: dict[str, str] = error.value.details["fields"]
    return fields


def test_ids_of_the_path_are_put_into_the_command() -> None:
    id = uuid4()
    assert decode({}, AcceptCase, {"case_id": str(id)}) == AcceptCase(case_id=id)
    judged = decode({"verdict": "pass"}, JudgeItem, {"inspection_id": str(id), "item": "layout"})
    assert (judged.inspection_id, judged.item) == (id, "layout")


def test_an_id_that_is_none_is_the_address_of_nothing() -> None:
    with pytest.raises(domain.MissingError):
        decode({}, AcceptCase, {"case_id": "QD2026"})


def test_wrong_fields_are_named() -> None:
    path = {"case_id": str(UUID(int=1))}
    assert refused({"level": 9}, EvaluateCase, path).keys() == {"level"}
    assert refused({"level": "5"}, EvaluateCase, path).keys() == {"level"}
    assert refused({}, EvaluateCase, path) == {"level": "is required"}
    assert refused({"level": 5, "stars": 1}, EvaluateCase, path) == {"stars": "is not known here"}
    assert refused({"gaps": [{"target": "a"}]}, IssueGapNotice, path) == {"gaps[0].what": "is required"}
    assert refused([], EvaluateCase, path).keys() == {""}


def test_a_strange_host_gets_no_way_into_the_policy() -> None:
    assert "wss://peiban.example:8443" in content_policy("peiban.example:8443")
    assert "evil" not in content_policy("x; script-src evil")


def test_a_log_line_is_one_json_object_with_its_facts() -> None:
    record = logging.makeLogRecord({"name": "peiban.access", "msg": "request", "levelname": "INFO", "route": "/x"})
    line = json.loads(JsonLines().format(record))
    assert (line["logger"], line["message"], line["route"]) == ("peiban.access", "request", "/x")
