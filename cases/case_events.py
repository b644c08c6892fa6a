"""What happens to a case (办件), in the order of its life. What people wrote is in the vault."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypedDict

from eventstore.aggregate import CreatedEvent, Event, Sealed

if TYPE_CHECKING:
    from cases.case import Case


class Status(StrEnum):
    RECEIVED = "received"  # 已收件
    GAP_NOTICE = "gap-notice"  # 待补正
    SUPPLEMENTED = "supplemented"  # 已补正
    ACCEPTED = "accepted"  # 已受理
    INSPECTING = "inspecting"  # 勘验中
    INSPECTED = "inspected"  # 勘验完成
    GRANTED = "granted"  # 准予许可
    REFUSED = "refused"  # 不予许可
    NOT_ACCEPTED = "not-accepted"  # 不予受理
    WITHDRAWN = "withdrawn"  # 已撤回


class AttachmentRecord(TypedDict):
    """An uploaded file: its uuid in the attachment store, and the SHA-256 (hex) and size (bytes) of the original."""

    id: str
    kind: str
    sha256: str
    size: int
    name: Sealed


class MaterialRecord(TypedDict):
    material: str
    attachments: list[AttachmentRecord]


class GapRecord(TypedDict):
    """target: code of a material or form field."""

    target: str
    what: Sealed


class InspectionState(TypedDict):
    stage: Literal["planned", "ended", "sealed"]
    mode: str
    outcome: str
    on_the_spot: bool


class CaseReceived(CreatedEvent):
    """An application entered the system at the event's time, from which the law's periods are counted (3a-23)."""

    TOPIC = "case-received"

    number: str
    item: str
    item_version: int
    applicant: str
    contact: Sealed
    form: dict[str, str | Sealed]
    materials: list[MaterialRecord]
    inspection_mode: str

    def apply(self, aggregate: Case) -> None:
        aggregate.office, aggregate.region = self.office, self.region
        aggregate.number = self.number
        aggregate.item, aggregate.item_version = self.item, self.item_version
        aggregate.applicant = self.applicant
        aggregate.contact = self.contact
        aggregate.form = dict(self.form)
        aggregate.take_materials(self.materials)
        aggregate.inspection_mode = self.inspection_mode
        aggregate.received_at = self.timestamp
        aggregate.status = Status.RECEIVED


class CompanionAssigned(Event):
    """The applicant has a named companion (陪伴人): `staff:<uuid>`."""

    TOPIC = "companion-assigned"

    companion: str
    reason: Literal["duty", "handover"]

    def apply(self, aggregate: Case) -> None:
        aggregate.companion = self.companion


class GapNoticeIssued(Event):
    """The applicant was told at once everything that is missing (一次性告知); a second one only repeats."""

    TOPIC = "gap-notice-issued"

    number: int
    gaps: list[GapRecord]

    def apply(self, aggregate: Case) -> None:
        aggregate.notices = self.number
        targets = frozenset(gap["target"] for gap in self.gaps)
        aggregate.noticed |= targets
        aggregate.outstanding = targets
        aggregate.status = Status.GAP_NOTICE


class CaseSupplemented(Event):
    """Something was supplied in answer to a notice (补正): only what is new stands here."""

    TOPIC = "case-supplemented"

    form: dict[str, str | Sealed]
    materials: list[MaterialRecord]
    notice: int

    def apply(self, aggregate: Case) -> None:
        aggregate.form = {**aggregate.form, **self.form}
        if isinstance(phone := self.form.get("phone"), dict):
            aggregate.contact = phone
        aggregate.take_materials(self.materials)
        aggregate.outstanding -= self.form.keys() | {material["material"] for material in self.materials}
        aggregate.status = Status.SUPPLEMENTED


class CaseAccepted(Event):
    """The office took the case up (受理) and is bound to a period.

    starts: ISO date of day zero; *_ends: last day of the period; calendar: version that the days were counted by.
    """

    TOPIC = "case-accepted"

    promised_days: int
    statutory_days: int
    starts: str
    promised_ends: str
    statutory_ends: str
    calendar: str

    def apply(self, aggregate: Case) -> None:
        aggregate.outstanding = frozenset()
        aggregate.status = Status.ACCEPTED


class AcceptanceRefused(Event):
    """The office does not take the case up (不予受理), and names the authority that would, if there is one.

    right_authority: empty, or the officer's words; early events hold them in the open.
    """

    TOPIC = "acceptance-refused"

    reason: Sealed
    right_authority: str | Sealed

    def apply(self, aggregate: Case) -> None:
        aggregate.asked = ""
        aggregate.status = Status.NOT_ACCEPTED


class HandoverRequested(Event):
    """A colleague, `to`, was asked to become the companion; until he accepts, nothing changes."""

    TOPIC = "handover-requested"

    to: str
    note: Sealed

    def apply(self, aggregate: Case) -> None:
        aggregate.asked = self.to


class HandoverAccepted(Event):
    """The colleague who was asked is the companion from now on."""

    TOPIC = "handover-accepted"

    companion: str

    def apply(self, aggregate: Case) -> None:
        aggregate.asked = ""
        aggregate.companion = self.companion


class HandoverDeclined(Event):
    """The colleague who was asked declined: the companion stays."""

    TOPIC = "handover-declined"

    reason: Sealed

    def apply(self, aggregate: Case) -> None:
        aggregate.asked = ""


class HandoverWithdrawn(Event):
    """The offer was taken back before it was answered: the companion stays."""

    TOPIC = "handover-withdrawn"

    def apply(self, aggregate: Case) -> None:
        aggregate.asked = ""


class InspectionNoted(Event):
    """What became of an inspection of this case. on_the_spot: inspectors stood on the premises."""

    TOPIC = "inspection-noted"

    inspection: str
    stage: Literal["planned", "ended", "sealed"]
    mode: str
    outcome: str
    on_the_spot: bool

    def apply(self, aggregate: Case) -> None:
        aggregate.inspections = {
            **aggregate.inspections,
            self.inspection: InspectionState(
                stage=self.stage, mode=self.mode, outcome=self.outcome, on_the_spot=self.on_the_spot
            ),
        }
        latest = next(reversed(aggregate.inspections))
        planned = aggregate.inspections[latest]["stage"] == "planned"
        aggregate.status = Status.INSPECTING if planned else Status.INSPECTED


class CaseDecided(Event):
    """The office granted or refused (行政许可法 §38), with reasons; a refusal tells the remedies, by code.

    basis: the articles that the decision rests on, as published with the item.
    """

    TOPIC = "case-decided"

    granted: bool
    reasons: Sealed
    remedies: list[str]
    basis: str

    def apply(self, aggregate: Case) -> None:
        aggregate.asked = ""
        aggregate.status = Status.GRANTED if self.granted else Status.REFUSED


class CaseWithdrawn(Event):
    """The applicant took the application back before it was decided."""

    TOPIC = "case-withdrawn"

    reason: Sealed

    def apply(self, aggregate: Case) -> None:
        aggregate.asked = ""
        aggregate.status = Status.WITHDRAWN


class CaseDataErased(Event):
    """The personal values of this case were erased (个人信息保护法 §47); `erasure` is the id of what was approved."""

    TOPIC = "case-data-erased"

    erasure: str

    def apply(self, aggregate: Case) -> None:
        aggregate.erased = True
