"""The organisation (机构与人员): offices in a tree of regions and levels, and the people who hold posts in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict
from uuid import NAMESPACE_URL, UUID, uuid5

from cases.errors import InvalidInputError, WrongStateError
from cases.permissions import Subject
from eventstore.aggregate import Aggregate, Context, CreatedEvent, Event, Sealed

_OFFICES = uuid5(NAMESPACE_URL, "urn:peiban:office")

# Codes of administrative divisions (GB/T 2260), by the name that an applicant chooses.
DIVISIONS: Mapping[str, str] = {
    "市南区": "370202",
    "市北区": "370203",
    "黄岛区": "370211",
    "崂山区": "370212",
    "李沧区": "370213",
    "城阳区": "370214",
    "即墨区": "370215",
    "胶州市": "370281",
    "平度市": "370283",
    "莱西市": "370285",
}


class Names(TypedDict):
    zh: str
    en: str


def office_id(code: str) -> UUID:
    return uuid5(_OFFICES, code)


def staff_ref(staff_id: UUID) -> str:
    return f"staff:{staff_id}"


class OfficeEstablished(CreatedEvent):
    """There is an office, in the event's own `region`; `parent` is the code of the one above it, empty at the top."""

    TOPIC = "office-established"
    DATA_CLASS = "general-1"
    code: str
    name: Names
    level: str
    parent: str

    def apply(self, aggregate: Office) -> None:
        aggregate.code = self.code
        aggregate.name = self.name
        aggregate.region = self.region
        aggregate.level = self.level
        aggregate.parent = self.parent


class Office(Aggregate, topic="office"):
    def blank(self) -> None:
        self.code = ""
        self.name: Names = {"zh": "", "en": ""}
        self.region = ""
        self.level = ""
        self.parent = ""

    @classmethod
    def establish(cls, context: Context, *, code: str, name: Names, level: str, parent: Office | None) -> Office:
        """Its region is the context's. A daughter lies inside its parent's region."""
        if parent is not None and not context.region.startswith(parent.region):
            raise InvalidInputError(
                "下级机构的行政区划应在上级机构的区划之内，请核对区划代码。",
                "An office lies inside its parent's region. Check the region code.",
                fields=["region"],
            )
        return cls.begin(
            OfficeEstablished,
            context,
            id=office_id(code),
            code=code,
            name=name,
            level=level,
            parent=parent.code if parent else "",
        )

    def subject(self) -> Subject:
        return Subject(office=self.code, region=self.region)


class StaffAppointed(CreatedEvent):
    """A person holds a post in an office; `certificate`: number of the enforcement certificate (执法证), or empty."""

    TOPIC = "staff-appointed"
    DATA_CLASS = "general-2"
    office_code: str
    name: Sealed
    post: Names
    roles: list[str]
    certificate: str

    def apply(self, aggregate: Staff) -> None:
        aggregate.office = self.office_code
        aggregate.region = self.region
        aggregate.name = self.name
        aggregate.post = self.post
        aggregate.roles = frozenset(self.roles)
        aggregate.certificate = self.certificate


class DutySet(Event):
    """The person is on duty, or is not, from now on."""

    TOPIC = "duty-set"
    DATA_CLASS = "general-2"
    on_duty: bool

    def apply(self, aggregate: Staff) -> None:
        aggregate.on_duty = self.on_duty


class DeputyNamed(Event):
    """`deputy` (staff uuid) stands in while this person is not on duty."""

    TOPIC = "deputy-named"
    DATA_CLASS = "general-2"
    deputy: str

    def apply(self, aggregate: Staff) -> None:
        aggregate.deputy = UUID(self.deputy)


class Staff(Aggregate, topic="staff"):
    """A member of staff. On duty from the appointment on, until it is said otherwise."""

    def blank(self) -> None:
        self.office = ""
        self.region = ""
        self.name: Sealed | None = None
        self.post: Names = {"zh": "", "en": ""}
        self.roles: frozenset[str] = frozenset()
        self.certificate = ""
        self.on_duty = True
        self.deputy: UUID | None = None

    @classmethod
    def appoint(
        cls, context: Context, *, id: UUID, name: Sealed, post: Names, roles: list[str], certificate: str
    ) -> Staff:
        """Office and region are the context's."""
        if not roles:
            raise InvalidInputError("请至少选择一个岗位角色。", "Choose at least one role.", fields=["roles"])
        return cls.begin(
            StaffAppointed,
            context,
            id=id,
            office_code=context.office,
            name=name,
            post=post,
            roles=sorted(set(roles)),
            certificate=certificate,
        )

    def set_duty(self, context: Context, *, on_duty: bool) -> None:
        if on_duty != self.on_duty:
            self.trigger(DutySet, context, on_duty=on_duty)

    def name_deputy(self, context: Context, deputy: Staff) -> None:
        if deputy.id == self.id:
            raise InvalidInputError(
                "代班人不能是本人，请另选一位同事。",
                "Nobody deputises for himself. Choose a colleague.",
                fields=["deputy"],
            )
        if deputy.office != self.office:
            raise WrongStateError(
                "代班人须在同一机构任职，请另选一位同事。",
                "A deputy works in the same office. Choose a colleague there.",
            )
        if deputy.id != self.deputy:
            self.trigger(DeputyNamed, context, deputy=str(deputy.id))

    def subject(self) -> Subject:
        """A member of staff is the owner of his own record."""
        return Subject(office=self.office, region=self.region, applicant=staff_ref(self.id))
