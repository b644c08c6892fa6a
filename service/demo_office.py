"""The demonstration's offices and people. Every name is invented; every line becomes ordinary commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5

from cases.commands import AppointStaff, Command, EstablishOffice, NameDeputy, SetDuty

_NAMESPACE = UUID("5f1c6f0e-6d0a-5c58-9c7e-3d2a5b1c9e10")


def demo_id(*words: str) -> UUID:
    """A fixed id for a thing of the demonstration, so that loading it twice changes nothing."""
    return uuid5(_NAMESPACE, "/".join(words))


OFFICES = (
    EstablishOffice(
        code="qd", name="青岛市行政审批服务局", name_en="Qingdao Approval Bureau", region="3702", level="city"
    ),
    EstablishOffice(
        code="qd-shinan",
        name="市南区行政审批服务局",
        name_en="Shinan District Approval Office",
        region="370202",
        level="district",
        parent="qd",
    ),
    EstablishOffice(
        code="qd-shibei",
        name="市北区行政审批服务局",
        name_en="Shibei District Approval Office",
        region="370203",
        level="district",
        parent="qd",
    ),
    EstablishOffice(
        code="qd-laoshan",
        name="崂山区行政审批服务局",
        name_en="Laoshan District Approval Office",
        region="370212",
        level="district",
        parent="qd",
    ),
)


@dataclass(frozen=True)
class DemoPost:
    """role → the post's name on papers and screens."""

    zh: str
    en: str


POSTS = {
    "officer": DemoPost("综合窗口陪伴专员", "Counter officer, companion"),
    "reviewer": DemoPost("审查勘验员", "Reviewer and inspector"),
    "head": DemoPost("负责人", "Head of office"),
    "supervisor": DemoPost("效能监督员", "Supervisor"),
    "complaints": DemoPost("诉求回访专员", "Complaint officer"),
    "administrator": DemoPost("系统管理员", "Administrator"),
}


@dataclass(frozen=True)
class DemoPerson:
    login: str
    name: str
    office: str
    role: str
    deputy: str = ""

    @property
    def staff_id(self) -> UUID:
        return demo_id("staff", self.login)


PEOPLE = (
    DemoPerson("lin", "林晓", "qd-shinan", "officer", deputy="zhou"),
    DemoPerson("zhou", "周宁", "qd-shinan", "officer", deputy="lin"),
    DemoPerson("li", "李敏", "qd-shinan", "reviewer"),
    DemoPerson("zhao", "赵刚", "qd-shinan", "reviewer"),
    DemoPerson("sun", "孙悦", "qd-shinan", "head"),
    DemoPerson("wang", "王琳", "qd-shibei", "officer"),
    DemoPerson("wu", "吴海", "qd-shibei", "reviewer"),
    DemoPerson("zheng", "郑洁", "qd-shibei", "reviewer"),
    DemoPerson("feng", "冯涛", "qd-shibei", "head"),
    DemoPerson("chen", "陈静", "qd-laoshan", "officer"),
    DemoPerson("chu", "褚亮", "qd-laoshan", "reviewer"),
    DemoPerson("wei", "卫东", "qd-laoshan", "reviewer"),
    DemoPerson("jiang", "蒋雯", "qd-laoshan", "head"),
    DemoPerson("gao", "高原", "qd", "officer"),
    DemoPerson("he", "何川", "qd", "reviewer"),
    DemoPerson("luo", "罗敏", "qd", "reviewer"),
    DemoPerson("han", "韩松", "qd", "supervisor"),
    DemoPerson("yang", "杨帆", "qd", "complaints"),
    DemoPerson("xu", "许诺", "qd", "head"),
    DemoPerson("admin", "郭平", "qd", "administrator"),
    DemoPerson("admin2", "田野", "qd", "administrator"),
)


def commands() -> Iterator[tuple[UUID, Command]]:
    """Each with its fixed command id: given again, it answers as the first time and writes nothing."""
    for office in OFFICES:
        yield demo_id("office", office.code), office
    for number, person in enumerate(PEOPLE, start=1):
        post = POSTS[person.role]
        yield (
            demo_id("appoint", person.login),
            AppointStaff(
                office=person.office,
                staff_id=person.staff_id,
                name=person.name,
                post=post.zh,
                post_en=post.en,
                roles=[person.role],  # type: ignore[list-item]  # the literal roles of the command
                certificate=f"鲁B-{2600 + number}",
            ),
        )
        yield demo_id("duty", person.login), SetDuty(staff_id=person.staff_id, on_duty=True)
    for person in PEOPLE:
        if person.deputy:
            yield (
                demo_id("deputy", person.login),
                NameDeputy(staff_id=person.staff_id, deputy=demo_id("staff", person.deputy)),
            )
