"""From the events of an inspection to the record of its sheet: nothing is retyped, the same events give the same bytes.

Pure: the caller has opened the personal values that `references` names. A value that was erased is said to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cases.catalogue import ServiceItem
from cases.clock import office_day
from eventstore.aggregate import Event, Sealed
from inspection import events as e
from inspection.notice import NOTICES
from inspection.sheet import record as r

ERASED: Final = "（已依法删除）"
SECOND: Final = timedelta(seconds=1)


class UnfinishedError(Exception):
    """The inspection has not ended, or a part of its recording is still open: there is nothing to write yet."""


@dataclass
class Facts:
    """What the events said, in the order in which they said it; later judgements replace earlier ones."""

    planned: e.InspectionPlanned
    mode: str = ""
    notice: e.NoticeAnswered | None = None
    presence: dict[str, list[list[datetime | None]]] = field(default_factory=dict)
    started: e.InspectionStarted | None = None
    ended: e.InspectionEnded | None = None
    told: e.FindingsTold | None = None
    judged: dict[str, e.ItemJudged] = field(default_factory=dict)
    stills: dict[str, e.StillTaken] = field(default_factory=dict)
    opened: dict[tuple[str, int], e.RecordingOpened] = field(default_factory=dict)
    sealed: dict[tuple[str, int], e.RecordingSealed] = field(default_factory=dict)
    drafted: e.SheetDrafted | None = None
    signed: dict[str, e.SheetSigned | e.SignatureRefused] = field(default_factory=dict)


def gather(events: Iterable[Event]) -> Facts:
    facts: Facts | None = None
    for event in events:
        if isinstance(event, e.InspectionPlanned):
            facts = Facts(planned=event, mode=event.mode)
        elif facts is not None:
            _take(facts, event)
    if facts is None:
        raise UnfinishedError
    return facts


def _take(facts: Facts, event: Event) -> None:
    match event:
        case e.RemoteRefused():
            facts.mode = "on-site" if facts.started is None else "mixed"
        case e.MovedOnSite():
            facts.mode = event.mode
        case e.NoticeAnswered():
            facts.notice = event
        case e.ParticipantJoined() | e.ArrivedOnSite():
            facts.presence.setdefault(event.party, []).append([event.timestamp, None])
        case e.ParticipantLeft():
            _leave(facts.presence.get(event.party, []), event.timestamp)
        case e.InspectionStarted():
            facts.started = event
        case _:
            _take_result(facts, event)


def _take_result(facts: Facts, event: Event) -> None:
    match event:
        case e.RecordingOpened():
            facts.opened[event.participant, event.part] = event
        case e.RecordingSealed():
            facts.sealed[event.participant, event.part] = event
        case e.StillTaken():
            facts.stills[event.still] = event
        case e.ItemJudged():
            facts.judged[event.item] = event
        case e.FindingsTold():
            facts.told = event
        case e.InspectionEnded():
            facts.ended = event
        case e.SheetDrafted():
            facts.drafted = event
        case e.SheetSigned() | e.SignatureRefused():
            facts.signed[event.party] = event


def _leave(intervals: list[list[datetime | None]], at: datetime) -> None:
    """Ends the latest open stay; a stay on site, opened by arrival, goes on when the room is left."""
    for interval in reversed(intervals):
        if interval[1] is None:
            interval[1] = at
            return


def references(facts: Facts) -> list[str]:
    """The vault references that a record shows: the place and the notes of the items."""
    sealed: list[Sealed | None] = [facts.planned.place, *(judged.note for judged in facts.judged.values())]
    return [value["ref"] for value in sealed if value is not None]


def build(
    facts: Facts,
    *,
    item: ServiceItem,
    office_name: str,
    names: Mapping[str, str | None],
    certificates: Mapping[str, str],
    opened: Mapping[str, str | None],
    salt: str,
) -> r.SheetRecord:
    """names, certificates: by party. opened: by vault reference. Raises UnfinishedError, SheetRecordError."""
    if facts.ended is None or facts.started is None or facts.opened.keys() - facts.sealed.keys():
        raise UnfinishedError
    planned = facts.planned
    return r.SheetRecord(
        salt=salt,
        case=r.CaseFacts(
            number=planned.case_number, item_code=item.code, item_name=item.name.zh, item_version=str(item.version)
        ),
        office=r.OfficeFacts(code=planned.office, name=office_name),
        inspection=r.InspectionFacts(
            id=str(planned.originator_id),
            mode=facts.mode,  # type: ignore[arg-type]  # events hold nothing else; `canonical` checks it again
            place=_open(planned.place, opened),
            started_at=facts.started.timestamp,
            ended_at=facts.ended.timestamp,
        ),
        notice=_notice(facts),
        participants=tuple(_participants(facts, names, certificates)),
        items=tuple(_items(facts, item, opened)),
        recordings=tuple(_recordings(facts)),
        findings=_findings(facts, item, opened),
        outcome=facts.ended.outcome,  # type: ignore[arg-type]  # as above
    )


def applicant_of(facts: Facts) -> str:
    return f"guest:{facts.planned.originator_id}"


def _open(value: Sealed | None, opened: Mapping[str, str | None]) -> str:
    return "" if value is None else opened.get(value["ref"]) or ERASED


def _notice(facts: Facts) -> r.NoticeFacts | None:
    answer = facts.notice
    if answer is None:
        return None
    assert answer.version in NOTICES, "a notice was answered that was never published"
    said = "accepted" if answer.accepted else "refused"
    return r.NoticeFacts(version=answer.version, answered_at=answer.timestamp, answer=said)


def _participants(
    facts: Facts, names: Mapping[str, str | None], certificates: Mapping[str, str]
) -> Iterable[r.Participant]:
    for party in (applicant_of(facts), *facts.planned.inspectors):
        yield r.Participant(
            party=party,
            role="inspector" if party in facts.planned.inspectors else "applicant",
            name=names.get(party) or ERASED,
            certificate=certificates.get(party, ""),
            present=tuple(_presence(facts, facts.presence.get(party, []))),
        )


def _presence(facts: Facts, intervals: Sequence[Sequence[datetime | None]]) -> Iterable[r.Presence]:
    """Stays within the inspection: who waited beforehand is present from the start, who stayed until the end."""
    assert facts.started is not None
    assert facts.ended is not None
    start, end = facts.started.timestamp, facts.ended.timestamp
    stays = sorted((max(since or start, start), min(until or end, end)) for since, until in intervals)
    merged: list[tuple[datetime, datetime]] = []
    for since, until in stays:
        if since >= until:
            continue
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return [r.Presence(since=since, until=until) for since, until in merged]


def _items(facts: Facts, item: ServiceItem, opened: Mapping[str, str | None]) -> Iterable[r.Item]:
    for check in item.checklist:
        judged = facts.judged.get(check.code)
        stills = [still for still in facts.stills.values() if still.item == check.code]
        yield r.Item(
            code=check.code,
            title=check.title.zh,
            requirement=check.requirement,
            basis=check.basis.text,
            trust=check.basis.trust,
            verdict=judged.verdict if judged else None,
            note=_open(judged.note, opened) if judged else "",
            judged_by=judged.actor if judged else None,
            judged_at=judged.timestamp if judged else None,
            stills=tuple(r.Still(id=s.still, sha256=s.sha256, taken_at=s.timestamp) for s in stills),
        )


def _recordings(facts: Facts) -> Iterable[r.Recording]:
    """Parts in the order in which they began, and what is missing between and around a camera's parts."""
    assert facts.started is not None
    assert facts.ended is not None
    parts = sorted(facts.sealed.items(), key=lambda part: (facts.opened[part[0]].timestamp, part[0]))
    last: dict[str, datetime] = {}
    final = {participant: number for (participant, number), _ in parts}
    for (participant, number), sealed in parts:
        since = sealed.first or facts.opened[participant, number].timestamp
        until = max(since, sealed.last or since)
        within = [_gap(*gap) for gap in sealed.gaps]
        around: list[r.Gap] = []
        if participant == applicant_of(facts):  # whose picture is the record of the premises
            before = last.get(participant, facts.started.timestamp)
            around += [r.Gap(since=before, until=since, reason="disconnected")] if since - before > SECOND else []
            rest = facts.ended.timestamp - until
            if number == final[participant] and rest > SECOND:
                around.append(r.Gap(since=until, until=facts.ended.timestamp, reason="disconnected"))
        last[participant] = until
        yield r.Recording(
            part=str(number),
            participant=participant,
            digest=sealed.head,
            since=since,
            until=until,
            seconds=_covered(since, until, within),
            gaps=tuple(sorted([*within, *around], key=lambda gap: (gap.since, gap.reason))),
        )


def _gap(since: str, until: str, reason: str) -> r.Gap:
    return r.Gap(since=datetime.fromisoformat(since), until=datetime.fromisoformat(until), reason=reason)


def _covered(since: datetime, until: datetime, gaps: Sequence[r.Gap]) -> float:
    """Seconds of the span in which neither picture nor sound is missing, to the millisecond."""
    missing, reached = timedelta(), since
    for gap in sorted(gaps, key=lambda gap: gap.since):
        begin, end = max(gap.since, reached), min(gap.until, until)
        if end > begin:
            missing += end - begin
            reached = end
    return round((until - since - missing).total_seconds(), 3)


def _findings(facts: Facts, item: ServiceItem, opened: Mapping[str, str | None]) -> r.Findings:
    told = facts.told
    if told is None:
        raise UnfinishedError
    mend = [
        r.Mend(
            code=entry["item"],
            what=_open(_note(facts, entry["item"]), opened) or item.check(entry["item"]).requirement,
            by=office_day(datetime.fromisoformat(entry["by"])) if entry["by"] else None,
        )
        for entry in told.mend
    ]
    return r.Findings(passed=tuple(told.passed), mend=tuple(mend))


def _note(facts: Facts, code: str) -> Sealed | None:
    judged = facts.judged.get(code)
    return judged.note if judged else None
