"""The `eventsourcing` package's own suites for recorders, run against ours through synchronous bridges."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder, ProcessRecorder, TrackingRecorder
from eventsourcing.tests import persistence as suites

from tests.contract.bridges import Bridge, BridgedAggregateRecorder, BridgedProcessRecorder
from tests.database import Database


class Bridged:
    """A database and a bridge to it for each test of a suite."""

    bridge: Bridge

    @pytest.fixture(autouse=True)
    def _bridge(self, database: Database) -> Iterator[None]:
        self.bridge = Bridge(database.service_url)
        yield
        self.bridge.close()


class TestAggregateRecorder(Bridged, suites.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return BridgedAggregateRecorder(self.bridge)


class TestApplicationRecorder(Bridged, suites.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return BridgedProcessRecorder(self.bridge)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(Bridged, suites.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return BridgedProcessRecorder(self.bridge)


class TestProcessRecorder(Bridged, suites.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return BridgedProcessRecorder(self.bridge)


class TestNonInterleavingNotificationIDs(Bridged, suites.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return BridgedProcessRecorder(self.bridge)
