"""Counts what is dropped and why; says so in the log now and then, never once per packet."""

import logging
import time
from collections import Counter

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10.0


class Tally:
    """Named counters of refused, malformed or surplus input."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._spoken: dict[str, tuple[float, int]] = {}

    def count(self, name: str, *, error: BaseException | None = None) -> None:
        """Adds one; `error` is logged with its traceback when this name's turn to speak has come."""
        self._counts[name] += 1
        now = time.monotonic()
        at, said = self._spoken.get(name, (-QUIET_SECONDS, 0))
        if now - at < QUIET_SECONDS:
            return
        total = self._counts[name]
        self._spoken[name] = (now, total)
        level = logging.ERROR if error is not None else logging.INFO
        logger.log(level, "media.%s", name, exc_info=error, extra={"total": total, "since_last": total - said})

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def snapshot(self) -> dict[str, int]:
        return dict(self._counts)
