"""A case (办件): one application from receipt to decision, with the companion who stays with it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from cases.calendar import Calendar
from cases.case_events import (
    AcceptanceRefused,
    AttachmentRecord,
    CaseAccepted,
    CaseDataErased,
    CaseDecided,
    CaseReceived,
    CaseSupplemented,
    CaseWithdrawn,
    CompanionAssigned,
    GapNoticeIssued,
    GapRecord,
    HandoverAccepted,
    HandoverDeclined,
    HandoverRequested,
    HandoverWithdrawn,
    InspectionNoted,
    InspectionState,
    MaterialRecord,
    Status,
)
from cases.catalogue import ServiceItem
from cases.clock import deadline, office_day
from cases.commands import NoteInspection
from cases.errors import InvalidInputError, NotPermittedError, WrongStateError
from cases.permissions import Subject
from eventstore.aggregate import Aggregate, Context, Sealed

__all__ = [
    "AcceptanceRefused",
    "AttachmentRecord",
    "Case",
    "CaseAccepted",
    "CaseDecided",
    "CaseReceived",
    "CaseSupplemented",
    "CaseWithdrawn",
    "CompanionAssigned",
    "GapNoticeIssued",
    "GapRecord",
    "HandoverAccepted",
    "HandoverDeclined",
    "HandoverRequested",
    "HandoverWithdrawn",
    "InspectionNoted",
    "MaterialRecord",
    "Status",
    "case_number",
]

NOTICE_DAYS = 5  # working days in which everything missing is told at once (行政许可法 §32(1)(4))
REMEDIES = ("reconsideration-60-days", "litigation-6-months")  # 行政复议法 §20, 行政诉讼法 §46
_UNMISTAKABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0/O, 1/I/L, U/V on the telephone

_BEFORE_ACCEPTANCE = (Status.RECEIVED, Status.GAP_NOTICE, Status.SUPPLEMENTED)
_IN_HAND = (Status.ACCEPTED, Status.INSPECTING, Status.INSPECTED)
_WORDS: Mapping[Status, tuple[str, str]] = {
    Status.RECEIVED: ("已收件", "received"),
    Status.GAP_NOTICE: ("待补正", "waiting for what the notice asked for"),
    Status.SUPPLEMENTED: ("已补正", "supplemented"),
    Status.ACCEPTED: ("已受理", "accepted"),
    Status.INSPECTING: ("勘验中", "being inspected"),
    Status.INSPECTED: ("勘验完成", "inspected"),
    Status.GRANTED: ("准予许可", "granted"),
    Status.REFUSED: ("不予许可", "refused"),
    Status.NOT_ACCEPTED: ("不予受理", "not accepted"),
    Status.WITHDRAWN: ("已撤回", "withdrawn"),
}


def case_number(id: UUID, received_at: datetime) -> str:
    """`QD20260921-7K4XPM`: the day of receipt and six characters made from the id, free of look-alikes."""
    value = int.from_bytes(hashlib.sha256(id.bytes).digest()[:8])
    letters = ""
    for _ in range(6):
        value, place = divmod(value, len(_UNMISTAKABLE))
        letters += _UNMISTAKABLE[place]
    return f"QD{office_day(received_at):%Y%m%d}-{letters}"


class Case(Aggregate, topic="case"):
    def blank(self) -> None:
        self.office = ""
        self.region = ""
        self.number = ""
        self.item = ""
        self.item_version = 0
        self.applicant = ""
        self.contact: Sealed = {"ref": "", "commitment": ""}
        self.form: dict[str, str | Sealed] = {}
        self.materials: dict[str, list[AttachmentRecord]] = {}
        self.inspection_mode = ""
        self.received_at = datetime.fromtimestamp(0, UTC)
        self.status = Status.RECEIVED
        self.companion = ""
        self.asked = ""  # the colleague who was asked to take over
        self.notices = 0
        self.noticed: frozenset[str] = frozenset()  # everything that a notice ever named
        self.outstanding: frozenset[str] = frozenset()  # named by the last notice and not supplied since
        self.erased = False
        self.inspections: dict[str, InspectionState] = {}  # by inspection uuid, in the order they were planned

    def subject(self) -> Subject:
        """Who was asked to take over sees the case too, but acts on it only once he has accepted."""
        return Subject(
            office=self.office,
            region=self.region,
            applicant=self.applicant,
            companions=frozenset({self.companion, self.asked} - {""}),
        )

    @property
    def is_open(self) -> bool:
        return self.status in (*_BEFORE_ACCEPTANCE, *_IN_HAND)

    def take_materials(self, materials: Iterable[MaterialRecord]) -> None:
        """Adds what was supplied; an earlier file of the same material stays beside it."""
        together = {code: list(files) for code, files in self.materials.items()}
        for material in materials:
            together.setdefault(material["material"], []).extend(material["attachments"])
        self.materials = together

    def missing_core(self, item: ServiceItem) -> list[str]:
        """Core materials that have not been supplied: what the officer puts into the notice."""
        return [m.code for m in item.materials if m.kind == "core" and m.code not in self.materials]

    # receipt

    @classmethod
    def receive(
        cls,
        context: Context,
        *,
        id: UUID,
        item: ServiceItem,
        contact: Sealed,
        form: Mapping[str, str | Sealed],
        materials: list[MaterialRecord],
        inspection_mode: str,
        companion: str,
    ) -> Case:
        """Materials may be missing: the office has to say so (行政许可法 §32(1)(4)), it may not turn anybody away."""
        if item.remote == "forbidden" and inspection_mode == "remote":
            raise InvalidInputError(
                "本事项依法须实地核查，请选择“现场勘验”或“均可”。",
                "The law asks for verification on the spot for this item. Choose “on site” or “either”.",
                fields={"inspection_mode": {"zh": "请改选现场勘验或均可", "en": "choose on site or either"}},
            )
        case = cls.begin(
            CaseReceived,
            context,
            id=id,
            number=case_number(id, context.at),
            item=item.code,
            item_version=item.version,
            applicant=context.principal,
            contact=contact,
            form=dict(form),
            materials=materials,
            inspection_mode=inspection_mode,
        )
        case.trigger(CompanionAssigned, context, companion=companion, reason="duty")
        return case

    # one-time notice and supplement

    def issue_gap_notice(self, context: Context, *, gaps: Mapping[str, Sealed], calendar: Calendar) -> None:
        self._as_companion(context)
        self._must_be(
            (Status.RECEIVED, Status.SUPPLEMENTED),
            "一次性告知只能在受理前、且没有待补正内容时发出。",
            "a notice is issued before acceptance and while none is waiting for an answer.",
        )
        if self.notices == 0:
            self._refuse_late_notice(context, calendar)
        else:
            self._refuse_widened_notice(gaps.keys())
        records: list[GapRecord] = [{"target": target, "what": what} for target, what in gaps.items()]
        self.trigger(GapNoticeIssued, context, number=self.notices + 1, gaps=records)

    def _refuse_late_notice(self, context: Context, calendar: Calendar) -> None:
        if self._told_too_late(context, calendar):
            raise WrongStateError(
                "收件已超过五个工作日，未一次性告知的视为自收件之日起受理（行政许可法第三十二条第一款第四项）。请直接受理本件。",
                "Five working days passed after receipt without a notice: the case counts as accepted from that "
                "day (行政许可法 §32(1)(4)). Accept it.",
            )

    def _refuse_widened_notice(self, targets: Collection[str]) -> None:
        if new := sorted(set(targets) - self.outstanding):
            raise WrongStateError(
                "须补正的内容应当一次告知全部：再次告知只能重申尚未补齐的内容，不得增加新的内容"
                "（行政许可法第三十二条第一款第四项）。请删去标出的内容。",
                "Everything missing is told at once (行政许可法 §32(1)(4)): a second notice only repeats what was not "
                "supplied. Remove the marked entries.",
                targets=new,
            )

    def _told_too_late(self, context: Context, calendar: Calendar) -> bool:
        last = calendar.after(office_day(self.received_at), NOTICE_DAYS)
        return self.notices == 0 and office_day(context.at) > last

    def supplement(
        self, context: Context, *, form: Mapping[str, str | Sealed], materials: list[MaterialRecord]
    ) -> None:
        if context.actor == self.asked:
            self._as_companion(context)
        self.check_supplement()
        if not form and not materials:
            raise InvalidInputError(
                "还没有补充任何内容，请按告知单逐项填写或上传。",
                "Nothing was added yet. Fill in or upload what the notice lists.",
            )
        self.trigger(CaseSupplemented, context, form=dict(form), materials=materials, notice=self.notices)

    def check_supplement(self) -> None:
        """Refuses when no notice is waiting: asked before files are claimed."""
        if self.status == Status.SUPPLEMENTED and self.outstanding:
            return
        self._must_be(
            (Status.GAP_NOTICE,),
            "没有待补正的内容，无需补充。",
            "nothing is asked of you, so there is nothing to supply.",
        )

    # acceptance

    def accept(self, context: Context, *, item: ServiceItem, calendar: Calendar) -> None:
        self._as_companion(context)
        self._must_be(
            (Status.RECEIVED, Status.SUPPLEMENTED),
            "只有材料已收齐、尚未受理的办件可以受理；待补正的请等申请人补充。",
            "only a case whose gaps are answered and that is not yet accepted can be accepted.",
        )
        late = self._told_too_late(context, calendar)
        # What the notice failed to name can no longer be demanded (行政许可法 §32(1)(4)).
        owed = set() if late else set(self.missing_core(item))
        if self.notices:
            owed &= self.noticed
        if owed:
            raise WrongStateError(
                "必要材料还不齐，请先发出一次性告知，或等申请人补齐后再受理。",
                "Core materials are missing. Issue the one-time notice, or wait until they are supplied.",
                materials=sorted(owed),
            )
        from_receipt = late or item.statutory.starts == "receipt"
        starts = office_day(self.received_at if from_receipt else context.at)
        promised = deadline(starts, item.promised.days, calendar)
        statutory = deadline(starts, item.statutory.days, calendar)
        self.trigger(
            CaseAccepted,
            context,
            promised_days=promised.days,
            statutory_days=statutory.days,
            starts=starts.isoformat(),
            promised_ends=promised.ends.isoformat(),
            statutory_ends=statutory.ends.isoformat(),
            calendar=calendar.version,
        )

    def refuse_acceptance(self, context: Context, *, reason: Sealed, right_authority: str | Sealed) -> None:
        self._as_companion(context)
        self._must_be(_BEFORE_ACCEPTANCE, "受理之后不能再作不予受理处理。", "acceptance can no longer be refused.")
        self.trigger(AcceptanceRefused, context, reason=reason, right_authority=right_authority)

    # companion

    def request_handover(self, context: Context, *, to: str, note: Sealed) -> None:
        """A later request takes the place of one that was not answered."""
        if context.actor == self.asked:
            self._as_companion(context)
        self._must_be_open("办结的办件无需交接。", "a closed case is not handed over.")
        if to == self.companion:
            raise InvalidInputError(
                "对方已经是本件的陪伴人，请另选一位同事。",
                "This colleague already is the companion. Choose another.",
                fields={"to": {"zh": "请另选一位同事", "en": "choose another colleague"}},
            )
        self.trigger(HandoverRequested, context, to=to, note=note)

    def accept_handover(self, context: Context) -> None:
        self._as_asked(context)
        self.trigger(HandoverAccepted, context, companion=context.actor)
        self.trigger(CompanionAssigned, context, companion=context.actor, reason="handover")

    def decline_handover(self, context: Context, *, reason: Sealed) -> None:
        self._as_asked(context)
        self.trigger(HandoverDeclined, context, reason=reason)

    def withdraw_handover(self, context: Context) -> None:
        if not self.asked:
            raise WrongStateError(
                "目前没有待答复的交接，无需收回。",
                "No handover is waiting for an answer, so there is none to take back.",
            )
        if context.actor == self.asked:
            self._as_companion(context)
        self.trigger(HandoverWithdrawn, context)

    def check_return_visit(self) -> None:
        self._must_be_open("复诊号用于仍在办理的办件。", "a return visit is for a case that is still open.")

    # inspection and decision

    def note_inspection(self, context: Context, command: NoteInspection) -> None:
        """Noting the same again changes nothing."""
        self._must_be(
            _IN_HAND, "受理之后、决定之前才能登记勘验。", "inspections are noted from acceptance to decision."
        )
        noted: InspectionState = {
            "stage": command.stage,
            "mode": command.mode,
            "outcome": command.outcome,
            "on_the_spot": command.on_the_spot,
        }
        inspection = str(command.inspection_id)
        if self.inspections.get(inspection) != noted:
            self.trigger(InspectionNoted, context, inspection=inspection, **noted)

    def decide(self, context: Context, *, granted: bool, reasons: Sealed, item: ServiceItem) -> None:
        self._must_be(
            _IN_HAND, "只有已受理、尚未决定的办件可以作出决定。", "only an accepted case can be decided, once."
        )
        if item.checklist:
            self._must_be_inspected(granted=granted, item=item)
        self.trigger(
            CaseDecided,
            context,
            granted=granted,
            reasons=reasons,
            remedies=[] if granted else list(REMEDIES),
            basis="；".join(basis.text for basis in item.basis),
        )

    def _must_be_inspected(self, *, granted: bool, item: ServiceItem) -> None:
        latest = next(reversed(self.inspections.values()), None)
        if latest is None or latest["stage"] != "sealed" or not latest["outcome"]:
            raise WrongStateError(
                "本事项须先完成勘验：请待勘验结束、各方签字、勘验单封存后再作决定。",
                "This item needs its inspection first. Decide when it has ended and the signed sheet is sealed.",
            )
        if granted and item.remote == "forbidden" and not latest["on_the_spot"]:
            raise WrongStateError(
                "本事项依法须实地核查（体育法第一百零五条），视频勘验不能代替。请安排现场或混合勘验后再准予许可。",
                "The law asks for verification on the spot (体育法 §105); video does not replace it. "
                "Plan an inspection on site or mixed before granting.",
            )
        if granted and latest["outcome"] != "passed":
            raise WrongStateError(
                "最近一次勘验未通过，不能准予许可。请先复核整改，或作出不予许可决定。",
                "The last inspection was not passed, so the case cannot be granted. Inspect again, or refuse.",
                outcome=latest["outcome"],
            )

    def withdraw(self, context: Context, *, reason: Sealed) -> None:
        self._must_be_open("决定作出之后不能再撤回。", "it can no longer be withdrawn.")
        self.trigger(CaseWithdrawn, context, reason=reason)

    def note_erased(self, context: Context, erasure: UUID) -> None:
        self.trigger(CaseDataErased, context, erasure=str(erasure))

    # guards

    def _must_be(self, statuses: Collection[Status], zh: str, en: str) -> None:
        if self.status not in statuses:
            now_zh, now_en = _WORDS[self.status]
            raise WrongStateError(f"本件现为“{now_zh}”，{zh}", f"The case is {now_en}; {en}", status=str(self.status))

    def _must_be_open(self, zh: str, en: str) -> None:
        self._must_be((*_BEFORE_ACCEPTANCE, *_IN_HAND), zh, en)

    def _as_companion(self, context: Context) -> None:
        if context.actor != self.companion:
            raise NotPermittedError(
                "您还不是本件的陪伴人。请先接受交接，再办理这一步。",
                "You are not the case's companion yet. Accept the handover first.",
            )

    def _as_asked(self, context: Context) -> None:
        self._must_be_open("办结的办件无需交接。", "a closed case is not handed over.")
        if not self.asked:
            raise WrongStateError(
                "目前没有待接受的交接，请刷新页面查看陪伴人。",
                "No handover is waiting for an answer. Refresh to see who the companion is.",
            )
        if context.actor != self.asked:
            raise NotPermittedError(
                "这次交接请的是另一位同事，请由他本人答复。",
                "Another colleague was asked to take over; he answers himself.",
            )
