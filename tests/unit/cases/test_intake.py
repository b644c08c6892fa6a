"""What is handed in, held against the item."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from cases.catalogue import shipped
from cases.commands import SuppliedMaterial
from cases.errors import InvalidInputError
from cases.intake import ClaimedFile, check_form, check_kinds, check_materials, other_district
from tests.builders import RESTAURANT, form_values

ITEM = shipped().current(RESTAURANT)
TODAY = date(2026, 9, 21)


def refused_fields(error: pytest.ExceptionInfo[InvalidInputError]) -> set[str]:
    fields = error.value.details["fields"]
    assert isinstance(fields, dict)
    assert all(problem["zh"] and problem["en"] for problem in fields.values())
    return set(fields)


def test_a_filled_form_is_kept_trimmed() -> None:
    values = form_values(ITEM, name="  海风小馆  ")
    assert check_form(ITEM, values, today=TODAY)["name"] == "海风小馆"


def test_every_wrong_field_is_named_at_once() -> None:
    values = form_values(ITEM, phone="12345", kitchen_area="很大", business="卖船", surprise="?") | {"name": " "}
    with pytest.raises(InvalidInputError) as error:
        check_form(ITEM, values, today=TODAY)
    assert refused_fields(error) == {"phone", "kitchen-area", "business", "surprise", "name"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kitchen-area", "0.5"),
        ("kitchen-area", "99999"),
        ("kitchen-area", "1e3"),
        ("kitchen-area", "-3"),
        ("kitchen-area", "NaN"),
        ("opening-date", "2026-02-30"),
        ("opening-date", "20261201"),
        ("phone", "23800138000"),
        ("address", "长" * 201),
        ("name", "坏\x00字"),
        ("name", "a"),
        ("legal-representative", "12"),
        ("address", "x"),
        ("address", "12345"),
        ("seats", "2.5"),
        ("opening-date", "2026-09-20"),
    ],
)
def test_a_value_outside_its_bounds_is_refused(field: str, value: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        check_form(ITEM, form_values(ITEM) | {field: value}, today=TODAY)
    assert refused_fields(error) == {field}


def test_an_area_may_be_a_fraction_and_the_opening_today() -> None:
    values = form_values(ITEM, kitchen_area="20.5", seats="2", opening_date=TODAY.isoformat())
    assert check_form(ITEM, values, today=TODAY)["kitchen-area"] == "20.5"


@pytest.mark.parametrize(
    ("chosen", "address", "other"),
    [
        ("黄岛区", "青岛市市南区香港中路10号", "市南区"),
        ("市南区", "青岛市市南区香港中路10号", ""),
        ("市南区", "香港中路10号", ""),
    ],
)
def test_an_address_that_names_another_district_is_noticed(chosen: str, address: str, other: str) -> None:
    assert other_district(chosen, address) == other


def test_a_supplement_may_leave_fields_out_but_not_empty_a_required_one() -> None:
    assert check_form(ITEM, {"seats": "30"}, today=TODAY, partial=True) == {"seats": "30"}
    with pytest.raises(InvalidInputError):
        check_form(ITEM, {"name": ""}, today=TODAY, partial=True)


def test_a_supplement_cannot_move_the_case_to_another_office() -> None:
    with pytest.raises(InvalidInputError) as error:
        check_form(ITEM, {"district": "崂山区"}, today=TODAY, partial=True)
    assert refused_fields(error) == {"district"}


def test_what_can_be_obtained_by_sharing_is_not_taken_from_the_applicant() -> None:
    """3a-25: the refusal names the source of law."""
    with pytest.raises(InvalidInputError) as error:
        check_materials(ITEM, [SuppliedMaterial(material="business-licence", attachments=[uuid4()])])
    assert refused_fields(error) == {"business-licence"}
    assert "在线政务服务" in str(error.value.details)


def test_unknown_materials_are_refused_and_missing_ones_are_not() -> None:
    """3a-2: telling what is missing is the office's duty."""
    check_materials(ITEM, [])
    with pytest.raises(InvalidInputError) as error:
        check_materials(ITEM, [SuppliedMaterial(material="love-letter", attachments=[uuid4()])])
    assert refused_fields(error) == {"love-letter"}


def test_a_material_listed_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        check_materials(ITEM, [SuppliedMaterial(material="layout", attachments=[uuid4()])] * 2)


def test_a_file_of_a_kind_that_is_not_accepted_is_refused() -> None:
    file = ClaimedFile(id=uuid4(), kind="film", sha256="0" * 64, size=1, name="x")
    with pytest.raises(InvalidInputError) as error:
        check_kinds(ITEM, [SuppliedMaterial(material="layout", attachments=[file.id])], {file.id: file})
    assert refused_fields(error) == {"layout"}
