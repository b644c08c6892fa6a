"""What a walk leaves behind, held against what people saw: the timeline, the sealed sheet, the recording."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import pypdf

from inspection.signing import SealKeys, check_seal

# The main job, event by event, without what repeats by itself: presence in the room, heads of the recording.
STORY = [
    "case-received", "companion-assigned", "gap-notice-issued", "case-supplemented", "case-accepted",
    "inspection-planned", "inspection-noted", "slot-offered", "invitation-bound", "slot-confirmed", "notice-answered",
    "inspection-started", "recording-opened",
    *["still-taken", "item-judged"] * 3, *["item-judged"] * 13,
    "findings-told", "inspection-ended", "recording-sealed", "inspection-noted",
    "sheet-drafted", "sheet-signed", "sheet-signed", "sheet-signed", "sheet-sealed", "inspection-noted",
    "holds-opened", "hold-placed", "case-decided", "hold-placed", "case-evaluated",
    "complaint-opened", "complaint-answered", "callback-recorded", "callback-recorded", "complaint-solved",
]  # fmt: skip
_BY_ITSELF = {"participant-joined", "participant-left", "recording-head"}
_UNORDERED = {  # reactions and the recorder
    "recording-opened", "recording-sealed", "inspection-noted", "sheet-drafted", "holds-opened", "hold-placed",
}  # fmt: skip


def then_the_timeline_is_complete(entries: Sequence[Mapping[str, Any]]) -> None:
    """Every event, in the order of the record, with who, when, for whom, through which channel, because of what."""
    told = sorted(entries, key=lambda entry: int(entry["position"]))
    topics = [entry["topic"] for entry in told if entry["topic"] not in _BY_ITSELF]
    assert Counter(topics) == Counter(STORY)
    assert [t for t in topics if t not in _UNORDERED] == [t for t in STORY if t not in _UNORDERED]
    for entry in told:
        assert all(entry[what] for what in ("at", "actor", "principal", "channel", "office", "cause", "hash")), entry
    by_topic = {entry["topic"]: entry for entry in told}
    assert by_topic["case-received"]["channel"] == "phone"
    assert by_topic["gap-notice-issued"]["actor_name"] in {"林晓", "周宁"}
    assert by_topic["notice-answered"]["channel"] == "video"
    assert by_topic["complaint-opened"]["actor"].startswith("system:")
    assert by_topic["complaint-opened"]["cause"].startswith("event:")


async def then_the_sheet_is_sealed(pdf: bytes, record: bytes, sheet: Mapping[str, Any], keys: Path) -> None:
    """By pyHanko: intact, valid, covering everything; and it carries the very record whose digest was signed."""
    assert hashlib.sha256(pdf).hexdigest() == sheet["pdf_sha256"]
    assert hashlib.sha256(record).hexdigest() == sheet["digest"]
    report = await asyncio.to_thread(check_seal, pdf, SealKeys.load_or_create(keys).roots)
    assert report.good
    attached = pypdf.PdfReader(io.BytesIO(pdf)).attachments
    assert [content for contents in attached.values() for content in contents] == [record]


def then_the_sheet_tells_the_story(pdf: bytes, number: str) -> None:
    text = re.sub(r"\s+", "", "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages))
    for words in (number, "青岛晨光美发店", "李敏", "赵刚", "符合", "不适用", "青岛市市南区香港中路10号"):
        assert words in text, words


def then_the_recording_shows_the_site(film: bytes, part: Mapping[str, Any]) -> None:
    """Decodes everything: frames of a real picture, sound, and as long as the record says, less its gaps."""
    with av.open(io.BytesIO(film), "r") as container:
        pictures = [(float(frame.time or 0), frame.width) for frame in container.decode(video=0)]
    with av.open(io.BytesIO(film), "r") as container:
        sound = sum(float(frame.samples / frame.sample_rate) for frame in container.decode(audio=0))
    seconds = pictures[-1][0] - pictures[0][0]
    assert len(pictures) > 5 * seconds
    assert all(width >= 160 for _, width in pictures)
    assert sound > 0.8 * seconds
    first, last = (_moment(part[end]) for end in ("first", "last"))
    assert abs((last - first) - seconds) < 2.0
    assert not [gap for gap in part["gaps"] if _moment(gap[1]) - _moment(gap[0]) > 2.0]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
