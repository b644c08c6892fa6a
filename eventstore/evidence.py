"""Checks the whole record against itself: positions without a gap, streams without a hole, every hash recomputed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from eventstore.chain import START, event_hash
from eventstore.connection import Connection, Row, connect

_PAGE = 1000
_ROWS = """
SELECT e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.hash,
       b.hash AS before, b.notification_id AS position_before
FROM peiban_events e LEFT JOIN peiban_events b
    ON b.originator_id = e.originator_id AND b.originator_version = e.originator_version - 1
WHERE e.notification_id > $1 ORDER BY e.notification_id LIMIT $2
"""
_HEAD = "SELECT notification_id FROM peiban_head WHERE log = 0"

_SENTENCES = {
    "position-missing": ("此序号的事件缺失。", "The event at this position is missing."),
    "stream-broken": ("同一对象的前一事件缺失。", "The event before it in its stream is missing."),
    "order-broken": ("事件先后次序被改动。", "It stands before its predecessor in the record."),
    "hash-mismatch": ("事件内容或其链接与哈希不符，已被改动。", "Content or chain do not fit the hash."),
    "head-mismatch": ("末尾序号与记录不符。", "The head row does not name the last event."),
}


@dataclass(frozen=True)
class Finding:
    """The first bad event. `what` is one of the codes above; where the event is missing only its position is known."""

    what: str
    position: int
    originator_id: UUID | None = None
    originator_version: int | None = None
    topic: str | None = None

    @property
    def zh(self) -> str:
        return _SENTENCES[self.what][0]

    @property
    def en(self) -> str:
        return _SENTENCES[self.what][1]


@dataclass(frozen=True)
class Report:
    """events and streams: how many were found good; head: the position that the record claims to have reached."""

    events: int
    streams: int
    head: int
    first_bad: Finding | None


async def verify(url: str) -> Report:
    """Reads everything once, in pages, within one snapshot; any role that may read the record will do.

    It trusts nothing but the hashes' own linkage: whoever owns the database can rewrite it as a whole, and only a copy
    of a later hash kept elsewhere shows that.
    """
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _verify(connection)
    finally:
        await connection.close()


async def _verify(connection: Connection) -> Report:
    head = int(await connection.fetchval(_HEAD) or 0)
    position = streams = 0
    while rows := await connection.fetch(_ROWS, position, _PAGE):
        for row in rows:
            if finding := _check(row, position + 1):
                return Report(position, streams, head, finding)
            position += 1
            streams += row["before"] is None
    if position != head:
        what, place = ("position-missing", position + 1) if position < head else ("head-mismatch", position)
        return Report(position, streams, head, Finding(what, place))
    return Report(position, streams, head, None)


def _check(row: Row, expected: int) -> Finding | None:
    if row["notification_id"] != expected:
        return Finding("position-missing", expected)
    originator_id = UUID(bytes=row["originator_id"].bytes)
    version, topic = row["originator_version"], row["topic"]
    if row["before"] is None and version > 1:
        what = "stream-broken"
    elif row["before"] is not None and row["position_before"] >= expected:
        what = "order-broken"
    elif event_hash(row["before"] or START, originator_id, version, topic, row["state"]) != row["hash"]:
        what = "hash-mismatch"
    else:
        return None
    return Finding(what, expected, originator_id, version, topic)
