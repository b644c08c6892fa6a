"""What a text message tells the applicant, and what it keeps to itself."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from cases.calendar import mainland
from cases.case import Case, Status
from cases.catalogue import shipped
from cases.complaint import Complaint, ComplaintPeriods
from cases.evaluation import Evaluation
from cases.news import CaseFacts, message_for
from eventstore import Event
from tests.builders import (
    APPLICANT,
    COLLEAGUE,
    COMPANION,
    RESTAURANT,
    accepted_case,
    context,
    decided_case,
    inspected_case,
    received_case,
    sealed,
)

FACTS = CaseFacts(
    number="QD20260921-7K4XPM",
    item="食品经营许可（小型餐馆）",
    status=Status.GAP_NOTICE,
    companion=COMPANION,
    companion_name="王小陪",
    link="https://ban.example/cases/QD20260921-7K4XPM",
)


def last(aggregate: Case | Complaint) -> Event:
    event = aggregate.pending_events[-1]
    assert isinstance(event, Event)
    return event


def noticed() -> Event:
    case = received_case(with_core=False)
    gaps = {"layout": sealed("a secret remark"), "name": sealed("another")}
    case.issue_gap_notice(context(), gaps=gaps, calendar=mainland())
    return last(case)


def turned_away() -> Event:
    case = received_case()
    case.refuse_acceptance(context(), reason=sealed("reason"), right_authority="某某局")
    return last(case)


def refused() -> Event:
    case = inspected_case(outcome="failed")
    case.decide(context(), granted=False, reasons=sealed("reasons"), item=shipped().current(RESTAURANT))
    return last(case)


def handed_over() -> Event:
    case = accepted_case()
    case.request_handover(context(), to=COLLEAGUE, note=sealed("note"))
    case.accept_handover(context(COLLEAGUE))
    return last(case)


def complaint() -> Complaint:
    rating = Evaluation.evaluate(
        context(APPLICANT), decided_case(), level=1, real_named=True, comment=sealed("comment")
    )
    periods = ComplaintPeriods()
    opened = Complaint.open(
        context("system:test"), rating, office_level="district", calendar=mainland(), periods=periods
    )
    opened.answer(context("staff:complaints"), reply=sealed("reply"))
    return opened


def complaint_decided() -> Event:
    decided = complaint()
    decided.decide(context("staff:head"), decision=sealed("decision"), told_by="phone")
    return last(decided)


NEWS = [
    (noticed(), "需要补正，共2项"),
    (last(accepted_case()), "已受理，承诺最晚"),
    (turned_away(), "不予受理"),
    (last(decided_case()), "已准予许可"),
    (refused(), "行政复议"),
    (last(complaint()), "诉求已有答复"),
    (complaint_decided(), "诉求已作出处理决定"),
]


@pytest.mark.parametrize(("event", "words"), NEWS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_message_says_what_happened_and_leads_to_the_case(event: Event, words: str) -> None:
    text = message_for(event, FACTS)
    assert text is not None
    assert text.startswith("【陪办】您的“食品经营许可（小型餐馆）”（办件号QD20260921-7K4XPM）")
    assert words in text
    assert text.endswith("：https://ban.example/cases/QD20260921-7K4XPM")


@pytest.mark.parametrize("event", [event for event, _ in NEWS], ids=lambda event: event.TOPIC)
def test_a_message_names_nobody_and_cannot_be_taken_for_a_code(event: Event) -> None:
    text = message_for(event, FACTS) or ""
    assert "王小陪" not in text
    assert "某某局" not in text
    assert "验证码" not in text
    assert "/i#" not in text
    assert not re.search(r"(?<!\d)\d{6}(?!\d)", text)


def test_an_acceptance_tells_the_promised_last_day() -> None:
    event = last(accepted_case())
    year, month, day = map(int, event.promised_ends.split("-"))  # type: ignore[attr-defined]  # it is a CaseAccepted
    assert f"{year}年{month}月{day}日办结" in (message_for(event, FACTS) or "")


def test_a_handover_names_the_new_companion() -> None:
    facts = replace(FACTS, companion=COLLEAGUE)
    assert "陪伴人已更换为王小陪" in (message_for(handed_over(), facts) or "")
    assert "已更换陪伴人" in (message_for(handed_over(), replace(facts, companion_name=None)) or "")


def test_a_notice_that_was_answered_is_no_news() -> None:
    assert message_for(noticed(), replace(FACTS, status=Status.SUPPLEMENTED)) is None


def test_a_handover_after_which_there_was_another_is_no_news() -> None:
    assert message_for(handed_over(), replace(FACTS, companion=COMPANION)) is None


def test_the_first_companion_is_no_news() -> None:
    assert message_for(last(received_case()), FACTS) is None
