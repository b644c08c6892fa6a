"""The other side of `service.py`: starts it, keeps account of what it has promised, kills it, brings it to an end."""

from __future__ import annotations

import json
import queue
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.database import ROOT
from tests.integration.faults.world import Order

PATIENCE = 90.0  # seconds until a service that says nothing counts as dead


@dataclass(frozen=True)
class Answer:
    answer: dict[str, Any]
    position: int


@dataclass
class Account:
    """What clients know. An order is open until it was answered or refused.

    left_open: how many were when a service was killed. asked_again: how many answers were given a second time.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    unsure: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    sent_again: set[str] = field(default_factory=set)
    left_open: int = 0
    asked_again: int = 0
    done: dict[str, Any] | None = None

    def open(self) -> list[Order]:
        return [order for id, order in self.orders.items() if id not in self.answers and id not in self.refused]

    def some_answered(self, chance: random.Random, count: int) -> list[Order]:
        return [self.orders[id] for id in chance.sample(sorted(self.answers), min(count, len(self.answers)))]

    def note(self, line: dict[str, Any]) -> None:
        match line["event"]:
            case "try":
                order = Order.of(line["order"])
                if order.id in self.orders:
                    self.sent_again.add(order.id)
                self.orders[order.id] = order
            case "answer":
                self._note_answer(line, Answer(line["answer"], line["position"]))
            case "refused":
                if line["id"] in self.answers:
                    self.wrong.append(f"{line['id']} was answered, and refused when asked again")
                self.refused.add(line["id"])
            case "unsure":
                self.unsure[line["code"]] += 1
            case "wrong":
                self.wrong.append(f"{line['id']}: {line['error']}")
            case "done":
                self.done = line

    def _note_answer(self, line: dict[str, Any], answer: Answer) -> None:
        id = line["id"]
        if first := self.answers.get(id):
            self.asked_again += 1
            if first != answer or not line["replayed"]:
                self.wrong.append(f"{self.orders[id]}: first {first}, then {line}")
        elif line["replayed"] and not line["was_unknown"] and id not in self.sent_again:
            self.wrong.append(f"{self.orders[id]} had been stored while its client was told that it was not")
        self.answers[id] = answer


class Service:
    """The process. What it wrote into the pipe before it died counts; half a line does not."""

    def __init__(self, account: Account, url: str, seed: str, again: list[Order]) -> None:
        self._account = account
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.faults.service"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._say(url=url, seed=seed, again=[order.fields() for order in again])

    def hear(self, answers: int) -> None:
        """Until so many more commands have been answered."""
        until = len(self._account.answers) + answers
        while len(self._account.answers) < until:
            self._note(self._lines.get(timeout=PATIENCE))

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        while not self._lines.empty():
            self._note(self._lines.get(), dead=True)

    def finish(self) -> None:
        """No new commands; returns when everything that follows the record has come to its end."""
        self._say(finish=True)
        while not self._account.done:
            self._note(self._lines.get(timeout=PATIENCE))
        self._process.wait(PATIENCE)
        assert self._process.returncode == 0

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _say(self, **line: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _note(self, line: bytes, *, dead: bool = False) -> None:
        if line.endswith(b"\n"):
            self._account.note(json.loads(line))
        elif not dead:
            raise AssertionError(f"the service ended by itself: {self._process.wait()}")


@contextmanager
def serving(account: Account, url: str, seed: str, again: list[Order] | None = None) -> Iterator[Service]:
    service = Service(account, url, seed, again or [])
    try:
        yield service
    finally:
        service.close()
