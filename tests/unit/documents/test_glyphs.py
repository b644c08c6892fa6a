"""Text made safe to draw: nothing missing, nothing hidden, nothing reordered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.sheet.glyphs import MISSING, drawable, printable


@pytest.mark.parametrize("name", ["王小明", "䶮㛃", "阿依古丽·买买提", "𰻝", "O’Neill", "😀👍🏽"])
def test_names_that_people_bear_are_drawn_as_they_are(name: str) -> None:
    assert printable(name) == name


def test_a_character_without_a_glyph_is_seen_to_be_missing() -> None:
    assert printable("𠮷野\ue000家") == f"{MISSING}野{MISSING}家"


def test_marks_that_would_reorder_or_hide_text_are_left_out() -> None:
    assert printable("同意\u202e不\u200b\x00同意") == "同意不同意"


def test_an_endless_word_may_break() -> None:
    assert "\u200b" in printable("a" * 200)
    assert printable("a" * 200).replace("\u200b", "") == "a" * 200


@given(st.text())
def test_every_character_left_has_a_glyph(text: str) -> None:
    assert {ord(character) for character in printable(text)} <= drawable() | {0x0A, 0x200B}
