"""Who accompanies whom, and the directory it is read from."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from cases.commands import EstablishOffice
from cases.companion import NoCompanionError, Officer, choose_companion
from cases.directory import Directory
from cases.errors import InvalidInputError, MissingError, WrongStateError
from cases.organisation import Office, Staff, staff_ref
from cases.permissions import Role
from eventstore.aggregate import Aggregate, Event
from tests.builders import context, decided_case, received_case, sealed, uid

CASE = uid("case")


def officer(name: str, *, on_duty: bool = True, open_cases: int = 0, deputy: str = "") -> Officer:
    return Officer(id=uid(name), on_duty=on_duty, open_cases=open_cases, deputy=uid(deputy) if deputy else None)


def test_the_officer_with_the_fewest_open_cases_becomes_the_companion() -> None:
    """R3: a named companion from the first moment."""
    assert choose_companion([officer("busy", open_cases=3), officer("free", open_cases=1)], {}, CASE) == uid("free")


def test_equally_busy_officers_take_turns() -> None:
    officers = [officer("one"), officer("two")]
    chosen = {choose_companion(officers, {}, uid(f"case {n}")) for n in range(20)}
    assert chosen == {uid("one"), uid("two")}


def test_the_same_case_always_gets_the_same_companion() -> None:
    officers = [officer("one"), officer("two"), officer("three")]
    assert choose_companion(officers, {}, CASE) == choose_companion(officers[::-1], {}, CASE)


def test_a_deputy_on_duty_stands_in_for_an_absent_officer() -> None:
    """R3: officer absent, named deputy."""
    officers = [officer("absent", on_duty=False, deputy="deputy")]
    assert choose_companion(officers, {uid("deputy"): 5}, CASE) == uid("deputy")


def test_at_night_an_officer_is_named_all_the_same() -> None:
    officers = [officer("one", on_duty=False, open_cases=2), officer("two", on_duty=False, open_cases=1)]
    assert choose_companion(officers, {}, CASE) == uid("two")


def test_without_any_officer_nobody_can_be_named() -> None:
    with pytest.raises(NoCompanionError):
        choose_companion([], {}, CASE)


def tell(directory: Directory, *aggregates: Aggregate) -> None:
    for aggregate in aggregates:
        for event in aggregate.collect_events():
            assert isinstance(event, Event)
            directory.note(event)


def office(code: str, region: str, parent: Office | None = None) -> Office:
    at = replace(context("system:test"), office=code, region=region)
    level = "district" if parent else "city"
    return Office.establish(at, code=code, name={"zh": code, "en": code}, level=level, parent=parent)


def staff(name: str, *roles: str, at: str = "qd-shinan", region: str = "370202") -> Staff:
    there = replace(context("system:test"), office=at, region=region)
    return Staff.appoint(
        there,
        id=uid(name),
        name=sealed(name),
        post={"zh": "服务专员", "en": "Officer"},
        roles=list(roles),
        certificate="",
    )


@pytest.fixture
def directory() -> Directory:
    city = office("qd", "3702")
    directory = Directory()
    tell(directory, city, office("qd-shinan", "370202", city))
    return directory


def test_the_office_of_the_district_is_in_charge_and_else_the_citys(directory: Directory) -> None:
    assert directory.office_in_charge("370202").code == "qd-shinan"
    assert directory.office_in_charge("370285").code == "qd"
    with pytest.raises(MissingError):
        directory.office_in_charge("370100")


def test_the_directory_knows_which_office_stands_above(directory: Directory) -> None:
    above = directory.office_above("qd-shinan")
    assert above is not None
    assert above.code == "qd"
    assert directory.office_above("qd") is None


def test_open_cases_are_counted_until_they_are_closed(directory: Directory) -> None:
    tell(directory, staff("officer", "officer"))
    tell(directory, received_case())
    assert directory.open_cases(uid("officer")) == 1
    tell(directory, decided_case())
    assert directory.open_cases(uid("officer")) == 0


def test_a_case_counts_for_whoever_took_it_over(directory: Directory) -> None:
    case = received_case()
    case.request_handover(context(), to=staff_ref(uid("colleague")), note=sealed())
    case.accept_handover(context(staff_ref(uid("colleague"))))
    tell(directory, staff("officer", "officer"), staff("colleague", "officer"), case)
    assert (directory.open_cases(uid("officer")), directory.open_cases(uid("colleague"))) == (0, 1)


def test_an_office_without_officers_is_helped_out_by_the_one_above(directory: Directory) -> None:
    tell(directory, staff("city officer", "officer", at="qd", region="3702"))
    assert directory.companion_for("qd-shinan", CASE) == uid("city officer")


def test_duty_and_deputies_are_followed(directory: Directory) -> None:
    absent, deputy = staff("absent", "officer"), staff("deputy", "reviewer")
    absent.set_duty(context(), on_duty=False)
    absent.name_deputy(context(), deputy)
    tell(directory, absent, deputy)
    assert directory.colleagues(Role.OFFICER, "qd-shinan", on_duty=True) == []
    assert directory.companion_for("qd-shinan", CASE) == uid("deputy")


def test_a_member_of_staff_acts_with_his_roles_in_his_office(directory: Directory) -> None:
    tell(directory, staff("officer", "officer", "reviewer"))
    actor = directory.actor(uid("officer"), "desk")
    assert (actor.id, actor.office, actor.region) == (staff_ref(uid("officer")), "qd-shinan", "370202")
    assert actor.roles == {Role.OFFICER, Role.REVIEWER}
    with pytest.raises(MissingError):
        directory.actor(UUID(int=1), "desk")


def test_a_deputy_is_somebody_else_of_the_same_office() -> None:
    one = staff("one", "officer")
    with pytest.raises(InvalidInputError):
        one.name_deputy(context(), one)
    with pytest.raises(WrongStateError):
        one.name_deputy(context(), staff("far", "officer", at="qd", region="3702"))


def test_an_office_lies_inside_its_parents_region() -> None:
    with pytest.raises(InvalidInputError):
        office("jn-lixia", "370102", office("qd", "3702"))


def test_setting_duty_to_what_it_is_changes_nothing() -> None:
    one = staff("one", "officer")
    one.set_duty(context(), on_duty=True)
    assert one.version == 1


def test_a_command_for_an_office_is_plain_data() -> None:
    command = EstablishOffice(code="qd", name="青岛市", name_en="Qingdao", region="3702", level="city")
    assert command.parent == ""
