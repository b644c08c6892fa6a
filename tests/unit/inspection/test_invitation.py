from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.errors import InvitationEndedError, InvitationError
from inspection.invitation import Invitation, InvitationKeys, require_open
from tests.unit.inspection.given import ID, ended, offered, planned

KEYS = InvitationKeys(bytes(range(32)))


def test_a_token_leads_back_to_its_inspection() -> None:
    token = KEYS.token(ID, 3)
    assert KEYS.read(token) == Invitation(ID, 3)
    assert KEYS.link("https://ban.example/", ID, 3) == f"https://ban.example/i#{token}"


def test_a_token_of_another_key_or_inspection_is_refused() -> None:
    with pytest.raises(InvitationError):
        InvitationKeys(bytes(32)).read(KEYS.token(ID, 1))
    with pytest.raises(InvitationError):
        require_open(offered(), Invitation(uuid4(), 1))


@given(st.integers(0, 69), st.sampled_from("ABCxyz019-_=+/ é"))
def test_a_changed_letter_makes_a_token_invalid(place: int, letter: str) -> None:
    token = KEYS.token(ID, 1)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(InvitationError):
            KEYS.read(changed)


@pytest.mark.parametrize("token", ["", "x", "A" * 70, "A" * 10_000, "é" * 70, " " * 70])
def test_rubbish_is_refused(token: str) -> None:
    with pytest.raises(InvitationError):
        KEYS.read(token)


def test_a_link_is_good_from_the_first_slot_to_the_end() -> None:
    with pytest.raises(InvitationError):
        require_open(planned(), Invitation(ID, 1))
    require_open(offered(), Invitation(ID, 1))
    with pytest.raises(InvitationError):
        require_open(offered(), Invitation(ID, 2))
    with pytest.raises(InvitationEndedError):
        require_open(ended(), Invitation(ID, 1))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        InvitationKeys(b"short")


def test_a_sheets_salt_is_the_same_each_time_and_differs_between_inspections() -> None:
    assert KEYS.salt(ID) == KEYS.salt(ID)
    assert len(KEYS.salt(ID)) == 32
    assert KEYS.salt(ID) != KEYS.salt(uuid4())
