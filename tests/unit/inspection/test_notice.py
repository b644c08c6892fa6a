from __future__ import annotations

import pytest

from inspection.errors import NoticeVersionError
from inspection.notice import CURRENT, MEGABYTES, NOTICES, require_current

DIGESTS = {"recording-1": "044c3ca52676876097e3db5e7fbeb2b9d24823d8ff282f8bb63d498ba21d696c"}
"""Of every text that was ever shown. A new wording is a new version beside them."""


def test_a_published_notice_never_changes() -> None:
    assert {version: notice.digest for version, notice in NOTICES.items()} == DIGESTS


@pytest.mark.parametrize(
    "word", ["行政审批机关", "第三十四条", "保存", f"{MEGABYTES} MB", "查阅、复制", "可以不同意", "不受影响"]
)
def test_the_notice_says_who_why_how_long_what_it_costs_and_that_one_may_say_no(word: str) -> None:
    assert word in CURRENT.text.zh


def test_an_answer_to_another_text_is_refused() -> None:
    assert require_current(CURRENT.version) is CURRENT
    with pytest.raises(NoticeVersionError):
        require_current("recording-0")
