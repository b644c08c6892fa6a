"""Rows of the read models → what inspection and complaint pages show."""

from __future__ import annotations

from datetime import datetime

from cases.catalogue import Catalogue, CheckItem
from cases.directory import Directory
from cases.permissions import Actor, may
from inspection import notice
from projections.rows import CaseRow, CheckRow, ComplaintRow, InspectionRow, ParticipantRow, StillRow
from web import views
from web.abilities import complaint_abilities, inspection_abilities, party_of, subject_of_complaint
from web.opened import Opened
from web.present import inspection_brief, office_name
from web.routing import API
from web.views_checks import CheckView, StillView


def inspection_view(
    row: InspectionRow, case: CaseRow | None, actor: Actor, opened: Opened, catalogue: Catalogue
) -> views.InspectionView:
    item = catalogue.version(row.item, row.item_version)
    base, suffix = f"{API}/inspections/{row.id}", "?as=guest" if actor.id.startswith("guest:") else ""
    told = notice.NOTICES.get(row.notice_version, notice.CURRENT)
    return views.InspectionView(
        brief=inspection_brief(row, opened, catalogue, case),
        checklist=[_check(check, row, opened, base, suffix) for check in item.checklist],
        participants=_participants(row, case, opened),
        recordings=[
            views.RecordingView(
                part=recording.part,
                participant=recording.participant,
                status=recording.status,
                head=recording.head,
                size=recording.size,
                first=recording.first,
                last=recording.last,
                gaps=recording.gaps,
                url=f"{base}/recordings/{recording.part}/{recording.participant}",
            )
            for recording in row.recordings
        ],
        notice=views.Notice(
            version=told.version, text=told.text, megabytes=notice.MEGABYTES, answered=row.notice_answered
        ),
        sheet=_sheet(row, base, suffix),
        findings_told=row.findings_told_at is not None,
        started_at=row.started_at,
        ended_at=row.ended_at,
        me=party_of(actor, row),
        may=inspection_abilities(actor, row),
    )


def complaint_view(
    row: ComplaintRow, case: CaseRow, actor: Actor, opened: Opened, *, catalogue: Catalogue, directory: Directory
) -> views.ComplaintView:
    """The telephone is for those who call back or tell a decision; who only looks on does not see it."""
    subject = subject_of_complaint(row)
    calls = may(actor, "RecordCallback", subject) or may(actor, "DecideComplaint", subject)
    phone = opened.value(case.contact) if calls else None
    contact = views.Person(id=row.applicant, name=opened.text(case.party), phone=phone)
    return views.ComplaintView(
        id=row.id,
        case_id=row.case_id,
        case_number=case.number,
        item_name=catalogue.version(case.item, case.item_version).name,
        level=row.level,
        comment=opened.text(case.evaluation.comment) if case.evaluation else None,
        status=row.status,
        office_level=row.office_level,
        office_name=office_name(directory, row.office),
        opened_at=row.opened_at,
        due=row.due,
        reply=opened.text(row.reply),
        callbacks=[
            {
                "at": callback.at,
                "by": opened.who(callback.by),
                "result": callback.result,
                "attempt": callback.attempt,
                "note": opened.text(callback.note),
            }
            for callback in row.callbacks
        ],
        contact=contact,
        decision=opened.text(row.decision),
        may=complaint_abilities(actor, row),
    )


def _check(check: CheckItem, row: InspectionRow, opened: Opened, base: str, suffix: str) -> CheckView:
    judged: CheckRow | None = row.checks.get(check.code)
    stills = [still for still in row.stills if still.item == check.code]
    return CheckView(
        code=check.code,
        title=check.title,
        requirement=check.requirement,
        basis=check.basis.text,
        trust=check.basis.trust,
        confirmed=check.confirmed,
        evidence=list(check.evidence),
        mandatory=check.mandatory,
        veto=check.veto,
        on_the_spot=check.on_the_spot,
        advice=check.advice,
        verdict=judged.verdict if judged else "",
        note=opened.text(judged.note) if judged else None,
        mend_by=datetime.fromisoformat(judged.mend_by) if judged and judged.mend_by else None,
        judged_by=opened.who(judged.judged_by) if judged else "",
        judged_at=judged.judged_at if judged else None,
        stills=[_still(still, opened, base, suffix) for still in stills],
    )


def _still(still: StillRow, opened: Opened, base: str, suffix: str) -> StillView:
    url = f"{base}/stills/{still.id}"
    original = f"{url}?variant=original" + suffix.replace("?", "&")
    return StillView(
        id=still.id,
        item=still.item,
        taken_at=still.taken_at,
        by=opened.who(still.by),
        sha256=still.sha256,
        url=url + suffix,
        original_url=original,
    )


def _participants(row: InspectionRow, case: CaseRow | None, opened: Opened) -> list[views.Participant]:
    """Everybody who has to sign: the inspectors who were named, and the applicant."""
    seen = {participant.party: participant for participant in row.participants}
    parties = [*row.inspectors, f"guest:{row.id}"]
    return [_participant(party, seen.get(party), case, opened) for party in parties]


def _participant(party: str, seen: ParticipantRow | None, case: CaseRow | None, opened: Opened) -> views.Participant:
    is_inspector = party.startswith("staff:")
    person = opened.person(party)
    return views.Participant(
        party=party,
        role="inspector" if is_inspector else "applicant",
        name=person.name if is_inspector else opened.text(case.party) if case else None,
        certificate=person.certificate,
        present=seen is not None and (seen.present or seen.arrived_at is not None),
        signed=seen.signed if seen else "",
    )


def _sheet(row: InspectionRow, base: str, suffix: str) -> views.SheetView:
    drafted, sealed = row.sheet.status != "none", row.sheet.status == "sealed"
    return views.SheetView(
        status=row.sheet.status,
        digest=row.sheet.digest,
        record_url=f"{base}/sheet/record{suffix}" if drafted else "",
        pdf_url=f"{base}/sheet.pdf{suffix}" if sealed else "",
        pdf_sha256=row.sheet.pdf_sha256,
        sealed_at=row.sheet.sealed_at,
    )
