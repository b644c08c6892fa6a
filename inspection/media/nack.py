"""Which packets are missing, when to ask for them again, and when to give up (RFC 4585 §6.2.1)."""

RETRY_SECONDS = 0.08
GIVE_UP_SECONDS = 1.0
MAX_MISSING = 512


class Holes:
    """Missing packets by extended (unwrapped) sequence number."""

    def __init__(self) -> None:
        self._missing: dict[int, tuple[float, float]] = {}  # first missed, last asked

    def __len__(self) -> int:
        return len(self._missing)

    def open(self, first: int, end: int, now: float) -> None:
        """Packets first … end-1 were jumped over."""
        for number in range(max(first, end - MAX_MISSING), end):
            self._missing[number] = (now, now - RETRY_SECONDS)
        while len(self._missing) > MAX_MISSING:
            self._missing.pop(next(iter(self._missing)))

    def fill(self, number: int) -> bool:
        return self._missing.pop(number, None) is not None

    def clear(self) -> None:
        self._missing.clear()

    def due(self, now: float) -> list[int]:
        """Those to be asked for now, in order; asking is noted."""
        wanted = sorted(n for n, (_, asked) in self._missing.items() if now - asked >= RETRY_SECONDS)
        for number in wanted:
            self._missing[number] = (self._missing[number][0], now)
        return wanted

    def give_up(self, now: float) -> int:
        """Forgets what has been missing too long; how many that were."""
        lost = [n for n, (since, _) in self._missing.items() if now - since >= GIVE_UP_SECONDS]
        for number in lost:
            del self._missing[number]
        return len(lost)
