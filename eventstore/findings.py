"""What a check of the record may find, with the words for it. The page verify.html uses the same codes and places."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

SENTENCES = {
    "position-missing": ("此序号的事件缺失。", "The event at this position is missing."),
    "stream-broken": ("同一对象的前一事件缺失。", "The event before it in its stream is missing."),
    "order-broken": ("事件先后次序被改动。", "It stands before its predecessor in the record."),
    "hash-mismatch": ("事件内容或其链接与哈希不符，已被改动。", "Content or chain do not fit the hash."),
    "head-mismatch": ("末尾序号与记录不符。", "The head row does not name the last event."),
    "tile-mismatch": ("日志树节点与事件不符。", "A stored node of the log's tree does not fit the events."),
    "checkpoint-unreadable": ("检查点格式有误。", "The checkpoint is not written as one."),
    "checkpoint-signature": ("检查点签名不成立。", "The checkpoint's signature does not hold."),
    "checkpoint-mismatch": (
        "事件与已签名的检查点不符：自上一个相符的检查点之后，记录被改写。",
        "The events are not those that were signed: they were rewritten behind the last checkpoint that fits.",
    ),
    "checkpoint-missing": ("末尾没有覆盖全部事件的检查点。", "No checkpoint covers all events to the end."),
    "rolled-back": (
        "记录比已签名的检查点短，末尾被删去。",
        "The record is shorter than what was signed: its end is gone.",
    ),
    "line-broken": ("此行无法读取或不是规范写法。", "This line cannot be read, or is not written canonically."),
    "proof-mismatch": ("包含证明与检查点不符。", "The inclusion proof does not lead to the checkpoint."),
    "flip": ("两次计算结果不一致，疑为硬件或内存故障。", "Two computations differ: suspect memory or processor."),
}


@dataclass(frozen=True)
class Finding:
    """The first bad event. `what` is one of the codes above; where the event is missing only its position is known.

    checkpoint: the size of the checkpoint that is bad, or with which the events do not agree; position is then the
    first one that no good checkpoint covers. line: of an exported file, from 1. source: who holds that checkpoint.
    """

    what: str
    position: int
    originator_id: UUID | None = None
    originator_version: int | None = None
    topic: str | None = None
    checkpoint: int | None = None
    line: int | None = None
    source: str = ""

    @property
    def zh(self) -> str:
        return SENTENCES[self.what][0]

    @property
    def en(self) -> str:
        return SENTENCES[self.what][1]

    @property
    def place(self) -> str:
        where = f"position {self.position}"
        if self.originator_id is not None:
            where += f", {self.topic}, version {self.originator_version} of {self.originator_id}"
        if self.checkpoint is not None:
            where += f", checkpoint of {self.checkpoint} events"
        if self.source:
            where += f" ({self.source})"
        return where + (f", line {self.line}" if self.line is not None else "")


@dataclass(frozen=True)
class Report:
    """events and streams: how many were found good; head: the position that the record claims to have reached.

    checkpoints: how many of them agreed, stored ones and those kept elsewhere.
    """

    events: int
    streams: int
    head: int
    first_bad: Finding | None
    checkpoints: int = 0
