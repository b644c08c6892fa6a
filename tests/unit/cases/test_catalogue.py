"""The items that ship: fit to publish, frozen, and found by everyday words."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from cases.catalogue import Bilingual, ServiceItem, is_sure, shipped
from cases.item_lint import digest, lint

ITEMS = Path(__file__).parents[3] / "cases" / "items"
FROZEN = json.loads((Path(__file__).parents[2] / "golden" / "items.json").read_text())
RESTAURANT = shipped().current("food-small-restaurant")


@pytest.mark.parametrize("item", shipped().all(), ids=lambda item: item.code)
def test_a_shipped_item_is_fit_to_publish(item: ServiceItem) -> None:
    """3a-27."""
    assert lint(item) == []


@pytest.mark.parametrize("path", sorted(ITEMS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_published_version_never_changes(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    name = f"{data['code']}@{data['version']}"
    assert path.name == f"{data['code']}.v{data['version']}.toml"
    assert FROZEN.get(name) == digest(data), f"{name} differs from what was published; add a new version instead"


def test_no_published_version_disappears() -> None:
    for name in FROZEN:
        code, version = name.split("@")
        shipped().version(code, int(version))


def test_three_items_ship_each_with_its_way_of_inspection() -> None:
    """N12."""
    assert {item.code: item.remote for item in shipped().all()} == {
        "food-small-restaurant": "conditional",
        "hygiene-hair-beauty": "allowed",
        "sports-swimming": "forbidden",
    }


def test_the_pools_period_runs_from_receipt() -> None:
    pool = shipped().current("sports-swimming")
    assert (pool.statutory.days, pool.statutory.starts) == (30, "receipt")
    assert pool.statutory.confirmed
    assert not pool.promised.confirmed


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("开饭店", "food-small-restaurant"),
        ("奶茶店", "food-small-restaurant"),
        ("理发店", "hygiene-hair-beauty"),
        ("美甲", "hygiene-hair-beauty"),
        ("游泳馆开业", "sports-swimming"),
        ("高危体育", "sports-swimming"),
    ],
)
def test_an_item_is_found_by_everyday_words(words: str, code: str) -> None:
    assert shipped().find(words)[0].code == code


@pytest.mark.parametrize(
    ("trust", "sure"),
    [("L", True), ("L旧", True), ("P（外省）", True), ("K80", True), ("K 95", True), ("K90%", True), ("L/K80", True),
     ("D", True), ("K85/D", True), ("K79", False), ("L/P/K60", False), ("P-old", False), ("L/P-old", False),
     ("", False), ("?", False), ("K", False), ("K²", False)],
)  # fmt: skip
def test_what_is_below_eighty_per_cent_or_superseded_is_to_be_confirmed(trust: str, sure: bool) -> None:
    assert is_sure(trust) is sure


def test_the_lint_refuses_catch_alls() -> None:
    """3a-27."""
    vague = msgspec.structs.replace(RESTAURANT.materials[0], name=Bilingual("其他有关材料", "whatever"))
    findings = lint(msgspec.structs.replace(RESTAURANT, materials=[vague]))
    assert len(findings) == 2
    assert "其他" in findings[0]


def test_the_lint_refuses_a_promise_longer_than_the_law() -> None:
    slow = msgspec.structs.replace(RESTAURANT.promised, days=RESTAURANT.statutory.days + 1)
    assert len(lint(msgspec.structs.replace(RESTAURANT, promised=slow))) == 1


def test_the_lint_refuses_a_code_that_appears_twice() -> None:
    checks = [*RESTAURANT.checklist, RESTAURANT.checklist[0]]
    assert lint(msgspec.structs.replace(RESTAURANT, checklist=checks)) == ["check f2-01 appears 2 times"]


def test_the_lint_refuses_a_form_that_does_not_know_where_and_whom() -> None:
    fields = [field for field in RESTAURANT.form if field.code not in ("phone", "district")]
    assert len(lint(msgspec.structs.replace(RESTAURANT, form=fields))) == 2
