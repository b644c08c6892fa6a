"""What comes next in a case, in words: after an inspection that was not passed, and after a licence was granted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cases.calendar import mainland
from cases.catalogue import Bilingual, CheckItem, ServiceItem
from cases.clock import deadline, office_day
from projections.rows import CaseRow, InspectionRow
from web.opened import Opened
from web.views_words import FollowUp, Licence, MendItem

LICENCE_DAYS = 10  # working days from the decision to the licence (行政许可法 §44, §82)

_RECHECK = Bilingual(
    "复核勘验已经安排，请按约定的时间配合。复核通过后才能准予许可。",
    "The second inspection is being arranged. The licence can be granted once it is passed.",
)
_WHAT_FOLLOWS = {
    "rectify": Bilingual(
        "请在期限前整改好，并告知陪伴人。之后工作人员会安排整改复核，复核通过后才能准予许可。",
        "Mend this by the date given and tell your companion. A second inspection follows; "
        "the licence can be granted once it is passed.",
    ),
    "on-site": Bilingual(
        "这些项目须到现场查看才能下结论。工作人员会与您约定上门时间，看过之后再作决定。",
        "These items have to be seen at the premises. The office proposes a time; the decision follows the visit.",
    ),
    "failed": Bilingual(
        "有必须符合的项目未通过，目前不能准予许可。整改后请告知陪伴人，由审批机关决定是否复核。",
        "An item that has to be met was not passed, so the licence cannot be granted now. "
        "Once it is mended, tell your companion; the office decides on a second inspection.",
    ),
}
_COLLECT = Bilingual(
    "领取或送达方式由审批机关确认，请留意短信或询问陪伴人。",
    "How it is collected or delivered is to be confirmed by the office; watch for a message or ask your companion.",
)


def follow_up(row: CaseRow, inspections: Sequence[InspectionRow], item: ServiceItem, opened: Opened) -> FollowUp | None:
    """None while nothing is owed: before the first end, after a pass, and once the case is over."""
    if row.status not in ("inspecting", "inspected"):
        return None
    ended = [inspection for inspection in inspections if inspection.ended_at is not None]
    if not ended or ended[-1].outcome not in _WHAT_FOLLOWS:
        return None
    last = ended[-1]
    items = [_item(check, last, opened) for check in item.checklist if _is_owed(check, last)]
    planned = any(inspection.opened > last.opened for inspection in inspections)
    return FollowUp(
        inspection_id=last.id,
        outcome=last.outcome,
        items=items,
        due=max((one.by for one in items if one.by), default=None),
        stage="recheck-planned" if planned else "to-mend",
        text=_RECHECK if planned else _WHAT_FOLLOWS[last.outcome],
    )


def _is_owed(check: CheckItem, row: InspectionRow) -> bool:
    """What the applicant was told to mend; after `on-site`, also what nobody could judge from afar."""
    judged = row.checks.get(check.code)
    if any(mend.item == check.code for mend in row.mend):
        return True
    unseen = judged is None or judged.verdict == "unclear"
    return row.outcome == "on-site" and unseen and (check.mandatory or judged is not None)


def _item(check: CheckItem, row: InspectionRow, opened: Opened) -> MendItem:
    judged = row.checks.get(check.code)
    by = next((mend.by for mend in row.mend if mend.item == check.code), None)
    return MendItem(
        code=check.code,
        title=check.title,
        by=datetime.fromisoformat(by) if by else None,
        note=opened.text(judged.note) if judged else None,
        advice=check.advice,
    )


def licence(row: CaseRow) -> Licence | None:
    if row.decision is None or not row.decision.granted:
        return None
    period = deadline(office_day(row.decision.at), LICENCE_DAYS, mainland())
    return Licence(
        ends=period.ends.isoformat(),
        days=LICENCE_DAYS,
        provisional=period.provisional,
        basis="行政许可法第四十四条",
        text=Bilingual(
            f"许可证件自作出决定之日起{LICENCE_DAYS}个工作日内颁发、送达。",
            f"The licence is issued and delivered within {LICENCE_DAYS} working days of the decision.",
        ),
        collect=_COLLECT,
        collect_confirmed=False,
    )
