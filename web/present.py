"""Rows of the read models → what case pages show. Pure: references were opened before, time is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from cases.calendar import mainland
from cases.catalogue import Bilingual, Catalogue, Field, ServiceItem
from cases.clock import days_left, office_day
from cases.directory import Directory
from cases.errors import MissingError
from cases.intake import DISTRICT_FIELD, other_district
from cases.permissions import Actor
from projections.labels import LABELS, label
from projections.rows import AttachmentRow, CaseRow, InspectionRow, NoticeRow, Ref, StepRow
from web import views
from web.abilities import blocked, case_abilities, cautions, is_staff
from web.opened import Opened
from web.present_next import follow_up, licence
from web.routing import API

REMEDIES = {
    "reconsideration-60-days": Bilingual(
        "可自收到决定之日起六十日内申请行政复议", "Administrative reconsideration within 60 days of the decision"
    ),
    "litigation-6-months": Bilingual(
        "可自收到决定之日起六个月内提起行政诉讼", "Administrative litigation within 6 months of the decision"
    ),
}


_SLOT_WITHDRAWN = Bilingual(
    "已改为现场勘验，原定的时间取消。工作人员会提出上门时间，并短信通知您。",
    "This is now an inspection on site and the earlier time is cancelled. "
    "The office will propose a time for the visit and send you a message.",
)


def case_summary(
    row: CaseRow, actor: Actor, opened: Opened, *, catalogue: Catalogue, directory: Directory, now: datetime
) -> views.CaseSummary:
    return views.CaseSummary(
        id=row.id,
        number=row.number,
        item_code=row.item,
        item_name=catalogue.version(row.item, row.item_version).name,
        status=row.status,
        received_at=row.received_at,
        applicant=opened.text(row.party),
        place=opened.text(row.place),
        companion=opened.person(row.companion),
        office_name=office_name(directory, row.office),
        deadline=_deadline(row, catalogue.version(row.item, row.item_version), now),
        needs=row.needs,
        needs_slot=row.needs_slot,
        inspection_outcome=next((link.outcome for link in reversed(row.inspections) if link.outcome), ""),
        handover=_handover_state(row, actor),
    )


def case_view(
    row: CaseRow,
    inspections: Sequence[InspectionRow],
    actor: Actor,
    opened: Opened,
    *,
    catalogue: Catalogue,
    directory: Directory,
    now: datetime,
) -> views.CaseView:
    item = catalogue.version(row.item, row.item_version)
    return views.CaseView(
        summary=case_summary(row, actor, opened, catalogue=catalogue, directory=directory, now=now),
        form=_form(row, item, opened),
        materials=[
            views.MaterialView(
                code=supplied.material,
                name=_material_name(item, supplied.material),
                kind=_material_kind(item, supplied.material),
                attachments=[attachment_view(file, opened) for file in supplied.attachments],
            )
            for supplied in row.materials
        ],
        notices=[_notice(notice, item, opened) for notice in row.notices],
        steps=[_step(step, opened) for step in row.steps if is_staff(actor) or LABELS[step.topic].step],
        visits=[
            views.ReturnVisit(
                id=visit.id,
                number=visit.number,
                opened_at=visit.opened_at,
                closed_at=visit.closed_at,
                officer=opened.person(visit.officer),
            )
            for visit in row.visits
        ],
        inspections=[inspection_brief(inspection, opened, catalogue, row) for inspection in inspections],
        handover=_handover(row, opened),
        handover_declined=_handover_declined(row, opened) if is_staff(actor) else None,
        follow_up=follow_up(row, inspections, item, opened),
        licence=licence(row),
        decision=_decision(row, opened),
        evaluation=_evaluation(row, opened, actor),
        complaint_id=row.complaint,
        inspection_mode=row.inspection_mode,  # type: ignore[arg-type]  # the event holds nothing else
        warnings=_warnings(row, opened),
        may=case_abilities(actor, row, inspections, item),
        blocked=blocked(actor, row, inspections, item, opened),
        cautions=cautions(actor, row, inspections, item),
    )


def inspection_brief(
    row: InspectionRow, opened: Opened, catalogue: Catalogue, case: CaseRow | None = None
) -> views.InspectionBrief:
    """case: gives the applicant's name, which the inspection itself does not hold."""
    return views.InspectionBrief(
        id=row.id,
        case_id=row.case_id,
        case_number=row.case_number,
        item_name=catalogue.version(row.item, row.item_version).name,
        applicant=opened.text(case.party) if case else None,
        place=opened.text(row.place),
        mode=row.mode,
        status=row.status,
        outcome=row.outcome,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        mend_by=_mend_by(row),
        inspectors=[opened.person(inspector) for inspector in row.inspectors],
        needs_slot=row.needs_slot,
        slot_withdrawn=row.slot_withdrawn,
        slot_note=_SLOT_WITHDRAWN if row.slot_withdrawn else None,
    )


def _mend_by(row: InspectionRow) -> datetime | None:
    found = (check.mend_by for check in row.checks.values() if check.verdict == "rectify-by")
    return max((datetime.fromisoformat(by) for by in found if by), default=None)


def attachment_view(row: AttachmentRow, opened: Opened) -> views.Attachment:
    return attachment(row.id, row.kind, opened.text(row.name), row.size, row.sha256)


def attachment(id: UUID, kind: str, name: str | None, size: int, sha256: str) -> views.Attachment:
    base = f"{API}/attachments/{id}?variant="
    return views.Attachment(
        id=id,
        kind="photo" if kind == "photo" else "pdf",
        name=name,
        size=size,
        sha256=sha256,
        url=base + ("display" if kind == "photo" else "original"),
        thumbnail_url=base + "thumbnail" if kind == "photo" else "",
    )


def office_name(directory: Directory, code: str) -> Bilingual:
    try:
        name = directory.office(code).name
    except MissingError:
        return Bilingual(code, code)
    return Bilingual(name["zh"], name["en"])


def _deadline(row: CaseRow, item: ServiceItem, now: datetime) -> views.Deadline | None:
    """The promised period; the law's own one is in the item. Nothing runs before acceptance or after the end."""
    if row.deadline is None or row.decision is not None or row.status == "withdrawn":
        return None
    ends = date.fromisoformat(row.deadline.promised_ends)
    return views.Deadline(
        kind="promised",
        starts=row.deadline.starts,
        days=row.deadline.promised_days,
        ends=row.deadline.promised_ends,
        days_left=days_left(ends, office_day(now), mainland()),
        provisional=mainland().is_provisional(ends),
        basis=item.promised.basis.text,
    )


def _form(row: CaseRow, item: ServiceItem, opened: Opened) -> list[views.FormValue]:
    """In the order of the form; only what was filled in."""
    return [_form_value(field, opened.text(row.form[field.code])) for field in item.form if field.code in row.form]


def _form_value(field: Field, value: str | None) -> views.FormValue:
    choice = next((option for option in field.options if option.zh == value), None)
    return views.FormValue(code=field.code, label=field.label, value=value, unit=field.unit, choice=choice)


def _warnings(row: CaseRow, opened: Opened) -> list[Bilingual]:
    """The district decides which office is in charge, so an address elsewhere is worth a question."""
    chosen, address = opened.text(row.form.get(DISTRICT_FIELD)), opened.text(row.place)
    other = other_district(chosen, address) if chosen and address else ""
    if not other:
        return []
    return [
        Bilingual(
            f"所在区市填的是{chosen}，地址里写的是{other}，请核对。",
            f"The district chosen is {chosen}, but the address names {other}. Check which is right.",
        )
    ]


def _notice(notice: NoticeRow, item: ServiceItem, opened: Opened) -> views.GapNotice:
    gaps = [
        views.GapView(target=gap.target, label=target_name(item, gap.target), what=opened.text(gap.what), done=gap.done)
        for gap in notice.gaps
    ]
    return views.GapNotice(
        number=notice.number, issued_at=notice.issued_at, gaps=gaps, supplemented_at=notice.supplemented_at
    )


def target_name(item: ServiceItem, code: str) -> Bilingual:
    """The label of a material or form field."""
    for material in item.materials:
        if material.code == code:
            return material.name
    for field in item.form:
        if field.code == code:
            return field.label
    return Bilingual(code, code)


def _material_name(item: ServiceItem, code: str) -> Bilingual:
    return target_name(item, code)


def _material_kind(item: ServiceItem, code: str) -> str:
    return next((material.kind for material in item.materials if material.code == code), "core")


def _step(step: StepRow, opened: Opened) -> views.Step:
    by_rule = step.topic == "companion-assigned"  # of a handover, handover-accepted is the step
    detail = opened.text(step.detail) if step.detail else None
    if detail is None and step.about.startswith("staff:"):
        detail = opened.person(step.about).name
    return views.Step(
        position=step.position,
        topic=step.topic,
        at=step.at,
        label=label(step.topic),
        by="系统" if by_rule else opened.who(step.actor),
        channel="system" if by_rule else step.channel,
        detail=detail,
    )


def _handover(row: CaseRow, opened: Opened) -> dict[str, Any] | None:
    """to and by are persons; note in the officer's words."""
    if row.handover is None:
        return None
    return {
        "to": opened.person(row.handover.to),
        "by": opened.person(row.handover.by),
        "at": row.handover.asked_at,
        "note": opened.text(row.handover.note),
    }


def _handover_state(row: CaseRow, actor: Actor) -> Literal["", "asked-of-me", "asked-of-colleague"]:
    if row.handover is None or not is_staff(actor):
        return ""
    return "asked-of-me" if row.handover.to == actor.id else "asked-of-colleague"


def _handover_declined(row: CaseRow, opened: Opened) -> dict[str, Any] | None:
    declined = row.handover_declined
    if declined is None:
        return None
    return {"by": opened.person(declined.by), "at": declined.at, "reason": opened.text(declined.reason)}


def _decision(row: CaseRow, opened: Opened) -> dict[str, Any] | None:
    """A decision, or the refusal of acceptance (`granted` false, `acceptance` false)."""
    if row.decision is not None:
        return {
            "granted": row.decision.granted,
            "acceptance": True,
            "at": row.decision.at,
            "by": opened.person(row.decision.by),
            "reasons": opened.text(row.decision.reasons),
            "remedies": [_remedy(code) for code in row.decision.remedies],
            "basis": row.decision.basis,
        }
    if row.refusal is not None:
        return {
            "granted": False,
            "acceptance": False,
            "at": row.refusal.at,
            "by": opened.person(row.refusal.by),
            "reasons": opened.text(row.refusal.reason),
            "right_authority": opened.text(row.refusal.right_authority),
            "remedies": [],
            "basis": "",
        }
    return None


def _remedy(code: str) -> Mapping[str, str]:
    text = REMEDIES.get(code, Bilingual(code, code))
    return {"code": code, "zh": text.zh, "en": text.en}


def _evaluation(row: CaseRow, opened: Opened, actor: Actor) -> dict[str, Any] | None:
    """An anonymous rating is shown to its author only: a case has one applicant, so its page would name him."""
    if row.evaluation is None or not (row.evaluation.real_named or actor.id == row.applicant):
        return None
    comment: Ref | None = row.evaluation.comment
    return {
        "level": row.evaluation.level,
        "real_named": row.evaluation.real_named,
        "comment": opened.text(comment),
        "at": row.evaluation.at,
    }
