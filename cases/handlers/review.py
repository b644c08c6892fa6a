"""The office's side of a case: notice, acceptance, inspection noted, decision."""

from __future__ import annotations

from cases.calendar import Calendar
from cases.case import Case
from cases.catalogue import ServiceItem
from cases.commands import AcceptCase, DecideCase, IssueGapNotice, NoteInspection, RefuseAcceptance
from cases.dispatch import Answer, Desk
from cases.errors import InvalidInputError
from cases.handlers.filing import seal_one
from cases.permissions import person_id


class Review:
    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    async def issue_gap_notice(self, desk: Desk, command: IssueGapNotice) -> Answer:
        case = await desk.get(Case, command.case_id)
        texts: dict[str, str] = {}
        for gap in command.gaps:
            texts[gap.target] = f"{texts[gap.target]}\n{gap.what}" if gap.target in texts else gap.what
        _check_targets(_item(desk, case), texts)
        sealed = await desk.seal(person_id(case.applicant), case.id, texts)
        case.issue_gap_notice(desk.context, gaps=sealed, calendar=self._calendar)
        return {"case_id": str(case.id), "notice": case.notices}

    async def accept(self, desk: Desk, command: AcceptCase) -> Answer:
        case = await desk.get(Case, command.case_id)
        case.accept(desk.context, item=_item(desk, case), calendar=self._calendar)
        return {"case_id": str(case.id)}

    async def refuse_acceptance(self, desk: Desk, command: RefuseAcceptance) -> Answer:
        case = await desk.get(Case, command.case_id)
        reason = await seal_one(desk, case, "reason", command.reason)
        words = command.right_authority.strip()
        authority = await seal_one(desk, case, "right-authority", words) if words else ""
        case.refuse_acceptance(desk.context, reason=reason, right_authority=authority)
        return {"case_id": str(case.id)}

    async def note_inspection(self, desk: Desk, command: NoteInspection) -> Answer:
        case = await desk.get(Case, command.case_id)
        case.note_inspection(desk.context, command)
        return {"case_id": str(case.id)}

    async def decide(self, desk: Desk, command: DecideCase) -> Answer:
        case = await desk.get(Case, command.case_id)
        reasons = await seal_one(desk, case, "reasons", command.reasons)
        case.decide(desk.context, granted=command.granted, reasons=reasons, item=_item(desk, case))
        return {"case_id": str(case.id)}


def _item(desk: Desk, case: Case) -> ServiceItem:
    """The version under which the case was filed."""
    return desk.catalogue.version(case.item, case.item_version)


def _check_targets(item: ServiceItem, targets: dict[str, str]) -> None:
    """A notice names fields and materials of the item, and never what the office obtains itself (3a-25)."""
    askable = {field.code for field in item.form} | {m.code for m in item.materials if m.kind != "shared"}
    shared = {material.code: material for material in item.materials if material.kind == "shared"}
    problems = {}
    for target in targets.keys() - askable:
        problems[target] = {
            "zh": "本事项没有这份材料或这一项内容，请从列表中选择。",
            "en": "Choose a material or field of the item.",
        }
        if target in shared:
            basis = shared[target].basis.text
            problems[target] = {
                "zh": f"“{shared[target].name.zh}”应由本机关共享获取，不得要求申请人提供（{basis}）。",
                "en": f"The office obtains it by data sharing and may not ask for it ({basis}).",
            }
    if problems:
        raise InvalidInputError(fields=problems)
