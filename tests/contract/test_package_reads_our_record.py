"""The `eventsourcing` package's own recorder and mapper, on our table, as the service's role."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import DatetimeAsISO, DecimalAsStr, JSONTranscoder, Mapper, StoredEvent, UUIDAsHex
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from eventstore import EventStore
from tests.contract.bridges import Bridge, BridgedProcessRecorder
from tests.database import PASSWORD, Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger


@pytest.fixture
def recorder(database: Database) -> Iterator[PostgresApplicationRecorder]:
    parts = urlsplit(database.service_url)
    datastore = PostgresDatastore(
        dbname=database.name, host=parse_qs(parts.query)["host"][0], port=5432,
        user="peiban_service", password=PASSWORD,
    )  # fmt: skip
    with datastore:
        yield PostgresApplicationRecorder(datastore, events_table_name="peiban_events")


@pytest.fixture
def mapper() -> Mapper[UUID]:
    transcoder = JSONTranscoder()
    for transcoding in (UUIDAsHex(), DatetimeAsISO(), DecimalAsStr()):
        transcoder.register(transcoding)
    return Mapper(transcoder)


async def test_the_packages_recorder_selects_equal_events(
    store: EventStore, recorder: PostgresApplicationRecorder, mapper: Mapper[UUID]
) -> None:
    id = await open_ledger(store, "陪办")
    await add_note(store, id, 7)
    ours = [record.event for record in await store.events(id)]
    theirs = [mapper.to_domain_event(stored) for stored in recorder.select_events(id)]
    assert theirs == ours
    assert [type(event) for event in theirs] == [type(event) for event in ours]


async def test_the_packages_recorder_selects_equal_notifications(
    store: EventStore, recorder: PostgresApplicationRecorder, mapper: Mapper[UUID]
) -> None:
    for number in range(3):
        await add_note(store, await open_ledger(store), number)
    notifications = recorder.select_notifications(start=2, limit=3)
    assert [notification.id for notification in notifications] == [2, 3, 4]
    ours = [record.event for record in await store.page(1, 3)]
    assert [mapper.to_domain_event(notification) for notification in notifications] == ours
    assert recorder.max_notification_id() == await store.head() == 6


async def test_the_packages_own_replay_gives_an_equal_aggregate(
    store: EventStore, recorder: PostgresApplicationRecorder, mapper: Mapper[UUID]
) -> None:
    id = await open_ledger(store)
    await add_note(store, id, 1)
    aggregate = None
    for stored in recorder.select_events(id):
        aggregate = mapper.to_domain_event(stored).mutate(aggregate)  # type: ignore[attr-defined] # the protocol hides it
    assert aggregate == await store.get(Ledger, id)


async def test_the_packages_recorder_and_ours_select_the_same(
    database: Database, recorder: PostgresApplicationRecorder
) -> None:
    stream = uuid4()
    bridge = Bridge(database.service_url)
    try:
        ours = BridgedProcessRecorder(bridge)
        events = [StoredEvent(stream, version, f"topic-{version % 2}", b"{}") for version in range(5)]
        ours.insert_events(events)
        for asked in (
            {"gt": 1},
            {"lte": 2},
            {"gt": 0, "lte": 3, "desc": True},
            {"limit": 2},
            {"desc": True, "limit": 1},
        ):
            assert recorder.select_events(stream, **asked) == ours.select_events(stream, **asked)  # type: ignore[arg-type]
        for start, limit, stop, topics, inclusive in (
            (None, 3, None, (), True),
            (2, 10, 4, (), True),
            (2, 10, None, ("topic-0",), False),
        ):
            theirs = recorder.select_notifications(start, limit, stop, topics, inclusive_of_start=inclusive)
            assert theirs == ours.select_notifications(start, limit, stop, topics, inclusive_of_start=inclusive)
            assert theirs
    finally:
        bridge.close()


async def test_the_packages_subscription_is_woken_by_our_notify(
    store: EventStore, recorder: PostgresApplicationRecorder
) -> None:
    await open_ledger(store)
    with recorder.subscribe(gt=0) as subscription:
        assert next(subscription).id == 1
