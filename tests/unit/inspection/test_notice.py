from __future__ import annotations

import pytest

from inspection.errors import NoticeVersionError
from inspection.notice import CURRENT, MEGABYTES, NOTICES, require_current

DIGESTS = {"recording-1": "9b3c0cc71a3d0609f299c4827e037d0e4468fc2e05a7c65e19f15f934ffc92e2"}
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
