"""News of a case by text message, so that nobody has to watch a page to learn that it is his turn.

A message crosses foreign networks and lies on a screen that others see: it says what happened and what to do next;
reasons, replies and decisions in full are read behind the login that its link leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from cases.case import AcceptanceRefused, Case, CaseAccepted, CaseDecided, CompanionAssigned, GapNoticeIssued, Status
from cases.catalogue import Catalogue
from cases.commands import Command
from cases.complaint import Complaint, ComplaintAnswered, ComplaintDecided
from cases.messenger import Messenger
from cases.organisation import Staff
from cases.policies import Policy
from eventstore import Event, EventStore, Recorded

FRESH = timedelta(days=1)
"""What is older when it is followed is no news any more: the service was down, or the policy is younger than it."""


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """What a message needs beside its event, as it stands now. companion_name: None when unknown or erased."""

    number: str
    item: str
    status: Status
    companion: str
    companion_name: str | None
    link: str


def message_for(event: Event, case: CaseFacts) -> str | None:
    """None for what is no news to the applicant, and for what has been overtaken since."""
    happened = _what_happened(event, case)
    if happened is None:
        return None
    return f"【陪办】您的“{case.item}”（办件号{case.number}）{happened}{case.link}"


def _what_happened(event: Event, case: CaseFacts) -> str | None:
    told: str | None = None
    match event:
        case GapNoticeIssued() if case.status == Status.GAP_NOTICE:
            told = f"需要补正，共{len(event.gaps)}项，已一次性全部告知。请打开链接登录，按清单逐项补充："
        case CaseAccepted():
            told = f"已受理，承诺最晚{_day(event.promised_ends)}办结。目前无需您操作，登录可查看进度："
        case AcceptanceRefused():
            told = "不予受理。请登录查看理由和后续办法："
        case CaseDecided(granted=True):
            told = "已准予许可。请登录查看决定，并欢迎对服务作出评价："
        case CaseDecided():
            told = "未获准予许可。请登录查看理由；如有异议，可依法申请行政复议或提起行政诉讼，途径和期限见页面："
        case CompanionAssigned(reason="handover") if event.companion == case.companion:
            who = f"陪伴人已更换为{case.companion_name}" if case.companion_name else "已更换陪伴人"
            told = f"{who}，已交的材料和进度都不受影响，无需重新提交。联系陪伴人或查看进度请登录："
        case ComplaintAnswered():
            told = "的诉求已有答复。请登录查看；我们还会回访您，问题没有解决请在回访时直接说明："
        case ComplaintDecided():
            told = "的诉求已作出处理决定。请登录查看决定内容："
    return told


def _day(iso: str) -> str:
    day = date.fromisoformat(iso)
    return f"{day.year}年{day.month}月{day.day}日"


def news_policies(
    *,
    store: EventStore,
    catalogue: Catalogue,
    messenger: Messenger,
    base_url: str,
    clock: Callable[[], datetime],
) -> tuple[Policy, ...]:
    """base_url: scheme and host of the applicant's pages. To be run by a `PolicyRunner`."""
    return (Policy("case-sends-news", _News(store, catalogue, messenger, base_url.rstrip("/"), clock).react),)


@dataclass(frozen=True)
class _News:
    store: EventStore
    catalogue: Catalogue
    messenger: Messenger
    base_url: str
    clock: Callable[[], datetime]

    async def react(self, recorded: Recorded) -> Sequence[Command]:
        """Sends at least once. What nobody takes over is tried again until it is no longer fresh."""
        event = recorded.event
        if self.clock() - event.timestamp > FRESH:
            return []
        case_id = await self._case_of(recorded)
        if case_id is None:
            return []
        case = await self.store.get(Case, case_id)
        text = message_for(event, await self._facts(case))
        phone = (await self.store.vault.open([case.contact["ref"]])).get(case.contact["ref"])
        if text is not None and phone is not None:
            await self.messenger.send(phone, text)
        return []

    async def _case_of(self, recorded: Recorded) -> UUID | None:
        match recorded.event:
            case (
                GapNoticeIssued()
                | CaseAccepted()
                | AcceptanceRefused()
                | CaseDecided()
                | CompanionAssigned(reason="handover")
            ):
                return recorded.originator_id
            case ComplaintAnswered() | ComplaintDecided():
                return (await self.store.get(Complaint, recorded.originator_id)).case
        return None

    async def _facts(self, case: Case) -> CaseFacts:
        # From the record, not from the directory: that one may not have read about a new colleague yet.
        staff = await self.store.get(Staff, UUID(case.companion.removeprefix("staff:")))
        ref = staff.name["ref"] if staff.name else ""
        return CaseFacts(
            number=case.number,
            item=self.catalogue.version(case.item, case.item_version).name.zh,
            status=case.status,
            companion=case.companion,
            companion_name=(await self.store.vault.open([ref])).get(ref) if ref else None,
            link=f"{self.base_url}/cases/{case.number}",
        )
