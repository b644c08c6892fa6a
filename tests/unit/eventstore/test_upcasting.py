"""A shape that changed twice: each stored version is read, one step at a time, by us and by the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import DatetimeAsISO, DecimalAsStr, JSONTranscoder, StoredEvent, UUIDAsHex
from eventsourcing.persistence import Mapper as PackageMapper

from eventstore import Aggregate, CreatedEvent, UnknownEventError
from eventstore.mapper import Mapper

STREAM = UUID(int=7)
FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("test-shop-opened.v*.json"))


class ShopOpened(CreatedEvent):
    """v1 had `name`; v2 called it `sign`; v3 lists the signs and counts the doors."""

    TOPIC = "test-shop-opened"
    class_version: ClassVar[int] = 3

    signs: list[str]
    doors: int

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["sign"] = state.pop("name")

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["signs"] = [state.pop("sign")]
        state["doors"] = 1

    def apply(self, aggregate: Shop) -> None:
        aggregate.signs, aggregate.doors = self.signs, self.doors


class Shop(Aggregate, topic="test-shop"):
    def blank(self) -> None:
        self.signs: list[str] = []
        self.doors = 0


def stored(path: Path) -> StoredEvent:
    golden = json.loads(path.read_text(encoding="utf-8"))
    state = json.dumps(golden["state"], ensure_ascii=False, separators=(",", ":")).encode()
    return StoredEvent(STREAM, 1, golden["topic"], state)


def by_the_package(event: StoredEvent) -> DomainEventProtocol[UUID]:
    transcoder = JSONTranscoder()
    for transcoding in (UUIDAsHex(), DatetimeAsISO(), DecimalAsStr()):
        transcoder.register(transcoding)
    return PackageMapper[UUID](transcoder).to_domain_event(event)


def test_there_is_a_golden_file_for_each_version() -> None:
    assert [path.stem for path in FILES] == [f"test-shop-opened.v{version}" for version in (1, 2, 3)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_stored_version_becomes_the_newest(path: Path) -> None:
    event = Mapper().to_domain_event(stored(path))
    assert isinstance(event, ShopOpened)
    assert (event.signs, event.doors) == (["海风小馆"], 2 if path.stem.endswith("v3") else 1)
    assert not hasattr(event, "class_version") or "class_version" not in vars(event)
    assert event == by_the_package(stored(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_aggregate_is_made_of_any_of_them(path: Path) -> None:
    event = Mapper().to_domain_event(stored(path))
    assert isinstance(event, ShopOpened)
    shop = event.mutate(None)
    assert isinstance(shop, Shop)
    assert shop.signs == ["海风小馆"]


def test_the_newest_is_stored_with_its_version() -> None:
    newest = stored(FILES[-1])
    assert Mapper().to_stored_event(Mapper().to_domain_event(newest)) == newest


def test_a_version_of_the_future_is_refused_and_named() -> None:
    """The package would read it as if it were today's."""
    future = stored(FILES[-1])
    future = StoredEvent(STREAM, 4, future.topic, future.state.replace(b'"class_version":3', b'"class_version":4'))
    with pytest.raises(UnknownEventError, match=f"test-shop-opened class_version 4 @ {STREAM} v4"):
        Mapper().to_domain_event(future)


@pytest.mark.parametrize("version", ["0", "null", '"3"', "2.5"])
def test_a_version_that_never_was_is_refused(version: str) -> None:
    odd = stored(FILES[-1])
    odd = StoredEvent(
        STREAM, 1, odd.topic, odd.state.replace(b'"class_version":3', b'"class_version":' + version.encode())
    )
    with pytest.raises(UnknownEventError, match="test-shop-opened class_version"):
        Mapper().to_domain_event(odd)
