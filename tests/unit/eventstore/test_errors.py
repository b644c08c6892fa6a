from __future__ import annotations

import re

from eventstore import errors

ERRORS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.EventStoreError)
]  # fmt: skip


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in ERRORS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_every_error_says_in_both_languages_what_to_do() -> None:
    assert all("。" in error.zh and "." in error.en for error in ERRORS)


def test_a_full_queue_says_when_to_come_back() -> None:
    assert errors.BusyError(1.5).retry_after == 1.5
