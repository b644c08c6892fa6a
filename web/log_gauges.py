"""How the log of the record is doing, for Prometheus."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Gauge

from web.services import Services


class LogGauges:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._size = Gauge("peiban_log_checkpoint_size", "Events under the newest checkpoint", registry=registry)
        self._age = Gauge("peiban_log_checkpoint_age_seconds", "Age of the newest checkpoint", registry=registry)
        self._refused = Gauge("peiban_log_refused", "1 while the notary refuses to sign", registry=registry)
        self._held = Gauge(
            "peiban_log_witnessed_size", "Events under the newest checkpoint that a witness holds", ["witness"],
            registry=registry,
        )  # fmt: skip
        self._seen = Gauge(
            "peiban_log_witnessed_age_seconds", "Since a witness took a checkpoint", ["witness"], registry=registry
        )

    def ask(self, services: Services) -> None:
        notary = services.notary
        if notary is None:
            return
        self._refused.set(notary.problem is not None)
        if notary.newest is not None and notary.newest_at is not None:
            self._size.set(notary.newest.size)
            self._age.set(time.monotonic() - notary.newest_at)
        for each in services.witnessing:
            self._held.labels(each.witness.name).set(each.size)
            self._seen.labels(each.witness.name).set(float("inf") if each.age is None else each.age)
