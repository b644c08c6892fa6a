"""Who may do what, where: one pure table, asked for every command and every protected read.

A rule is (role, scope). The scope is held against the facts of the matter (`Subject`), so that the same
table serves the browser, the command line and reactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from cases.errors import NotPermittedError


class Role(StrEnum):
    APPLICANT = "applicant"  # 申请人
    GUEST = "guest"  # 受邀参加勘验的人, bound by link and one-time code to one inspection
    OFFICER = "officer"  # 陪伴人 / 大厅服务人员
    REVIEWER = "reviewer"  # 审查、勘验人员
    HEAD = "head"  # 机关负责人
    SUPERVISOR = "supervisor"  # 监督人员
    COMPLAINTS = "complaints"  # 诉求处理人员
    ADMINISTRATOR = "administrator"  # 系统管理员
    SYSTEM = "system"  # reactions and the media plane


class Scope(StrEnum):
    OWN = "own"  # the applicant of the matter
    COMPANION = "companion"  # the matter's companion, or who is asked to take it over
    ASSIGNED = "assigned"  # named in the inspection
    INVITED = "invited"  # bound to the inspection's invitation
    OFFICE = "office"  # the office in charge
    REGION = "region"  # the actor's region contains the matter's region
    ANY = "any"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts. `id` is `staff:<uuid>`, `person:<uuid>`, `guest:<uuid>` or `system:<name>`."""

    id: str
    roles: frozenset[Role]
    channel: str
    office: str = ""
    region: str = ""
    principal: str = ""


def person_id(ref: str) -> UUID:
    """The vault subject in `person:<uuid>`."""
    return UUID(ref.removeprefix("person:"))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The facts of a matter that scopes are held against. Ids have the form of `Actor.id`."""

    office: str
    region: str
    applicant: str = ""
    companions: frozenset[str] = frozenset()
    assigned: frozenset[str] = frozenset()
    invited: frozenset[str] = frozenset()


R, S = Role, Scope
Rule = tuple[Role, Scope]

TABLE: Mapping[str, tuple[Rule, ...]] = {
    # the applicant's side
    "SubmitApplication": ((R.APPLICANT, S.OWN),),
    "SupplementCase": ((R.APPLICANT, S.OWN), (R.OFFICER, S.COMPANION)),
    "WithdrawCase": ((R.APPLICANT, S.OWN),),
    "OpenReturnVisit": ((R.APPLICANT, S.OWN), (R.OFFICER, S.OFFICE)),
    "CloseReturnVisit": ((R.OFFICER, S.COMPANION),),
    "EvaluateCase": ((R.APPLICANT, S.OWN),),
    # the companion
    "IssueGapNotice": ((R.OFFICER, S.COMPANION),),
    "AcceptCase": ((R.OFFICER, S.COMPANION),),
    "RefuseAcceptance": ((R.OFFICER, S.COMPANION),),
    "RequestHandover": ((R.OFFICER, S.COMPANION), (R.HEAD, S.OFFICE)),
    "AcceptHandover": ((R.OFFICER, S.COMPANION),),
    "DeclineHandover": ((R.OFFICER, S.COMPANION),),
    "WithdrawHandover": ((R.OFFICER, S.COMPANION), (R.HEAD, S.OFFICE)),
    # the office
    "DecideCase": ((R.REVIEWER, S.OFFICE),),
    "NoteInspection": ((R.SYSTEM, S.ANY),),
    # the inspection
    "PlanInspection": ((R.REVIEWER, S.OFFICE),),
    "OfferSlot": ((R.REVIEWER, S.ASSIGNED),),
    "BindInvitation": ((R.GUEST, S.INVITED),),
    "ConfirmSlot": ((R.GUEST, S.INVITED), (R.APPLICANT, S.OWN)),
    "AnswerNotice": ((R.GUEST, S.INVITED),),
    "RefuseRemote": ((R.GUEST, S.INVITED), (R.APPLICANT, S.OWN)),
    "MoveOnSite": ((R.REVIEWER, S.ASSIGNED), (R.SYSTEM, S.ANY)),
    "NotePresence": ((R.SYSTEM, S.ANY),),
    "NoteRecording": ((R.SYSTEM, S.ANY),),
    "ArriveOnSite": ((R.REVIEWER, S.ASSIGNED),),
    "StartInspection": ((R.REVIEWER, S.ASSIGNED),),
    "TakeStill": ((R.GUEST, S.INVITED), (R.REVIEWER, S.ASSIGNED)),
    "JudgeItem": ((R.REVIEWER, S.ASSIGNED),),
    "TellFindings": ((R.REVIEWER, S.ASSIGNED),),
    "EndInspection": ((R.REVIEWER, S.ASSIGNED),),
    "DraftSheet": ((R.SYSTEM, S.ANY),),
    "SignSheet": ((R.GUEST, S.INVITED), (R.APPLICANT, S.OWN), (R.REVIEWER, S.ASSIGNED)),
    "RefuseSignature": ((R.GUEST, S.INVITED), (R.APPLICANT, S.OWN), (R.REVIEWER, S.ASSIGNED)),
    "SealSheet": ((R.SYSTEM, S.ANY),),
    # the closed loop
    "OpenComplaint": ((R.SYSTEM, S.ANY),),
    "AnswerComplaint": ((R.COMPLAINTS, S.REGION),),
    "RecordCallback": ((R.COMPLAINTS, S.REGION),),
    "DecideComplaint": ((R.HEAD, S.REGION),),
    # the organisation
    "EstablishOffice": ((R.ADMINISTRATOR, S.REGION), (R.SYSTEM, S.ANY)),
    "AppointStaff": ((R.ADMINISTRATOR, S.REGION), (R.SYSTEM, S.ANY)),
    "SetDuty": ((R.OFFICER, S.OWN), (R.HEAD, S.OFFICE), (R.SYSTEM, S.ANY)),
    "NameDeputy": ((R.HEAD, S.OFFICE), (R.ADMINISTRATOR, S.REGION), (R.SYSTEM, S.ANY)),
    # erasure and holds; that two are needed, the aggregates and the database hold
    "RequestErasure": ((R.ADMINISTRATOR, S.REGION),),
    "ApproveErasure": ((R.ADMINISTRATOR, S.REGION),),
    "DeclineErasure": ((R.ADMINISTRATOR, S.REGION),),
    "CompleteErasure": ((R.SYSTEM, S.ANY),),
    "PlaceHold": ((R.ADMINISTRATOR, S.REGION), (R.SYSTEM, S.ANY)),
    "RequestHoldRelease": ((R.ADMINISTRATOR, S.REGION),),
    "ReleaseHold": ((R.ADMINISTRATOR, S.REGION),),
    "DeclineHoldRelease": ((R.ADMINISTRATOR, S.REGION),),
    # protected reads
    "ViewCase": (
        (R.APPLICANT, S.OWN),
        (R.OFFICER, S.COMPANION),
        (R.OFFICER, S.OFFICE),
        (R.REVIEWER, S.OFFICE),
        (R.HEAD, S.REGION),
        (R.SUPERVISOR, S.REGION),
        (R.COMPLAINTS, S.REGION),
    ),
    "ViewTimeline": ((R.SUPERVISOR, S.REGION), (R.HEAD, S.REGION), (R.REVIEWER, S.OFFICE), (R.OFFICER, S.COMPANION)),
    "ViewInspection": (
        (R.GUEST, S.INVITED),
        (R.APPLICANT, S.OWN),
        (R.REVIEWER, S.ASSIGNED),
        (R.REVIEWER, S.OFFICE),
        (R.OFFICER, S.COMPANION),
        (R.HEAD, S.REGION),
        (R.SUPERVISOR, S.REGION),
    ),
    "JoinRoom": ((R.GUEST, S.INVITED), (R.REVIEWER, S.ASSIGNED)),
    "PlayRecording": ((R.SUPERVISOR, S.REGION), (R.REVIEWER, S.ASSIGNED)),
    "ViewComplaint": ((R.COMPLAINTS, S.REGION), (R.HEAD, S.REGION), (R.SUPERVISOR, S.REGION), (R.APPLICANT, S.OWN)),
    "Oversee": ((R.SUPERVISOR, S.REGION),),
    "ViewOutbox": ((R.ADMINISTRATOR, S.ANY),),
    "ViewErasures": ((R.ADMINISTRATOR, S.REGION),),
}

# The rows that are no commands.
READS = frozenset(
    {
        "ViewCase",
        "ViewTimeline",
        "ViewInspection",
        "JoinRoom",
        "PlayRecording",
        "ViewComplaint",
        "Oversee",
        "ViewOutbox",
        "ViewErasures",
    }
)


def _holds(scope: Scope, actor: Actor, subject: Subject) -> bool:
    held: Mapping[Scope, bool] = {
        Scope.OWN: bool(subject.applicant) and subject.applicant == actor.id,
        Scope.COMPANION: actor.id in subject.companions,
        Scope.ASSIGNED: actor.id in subject.assigned,
        Scope.INVITED: actor.id in subject.invited,
        Scope.OFFICE: bool(actor.office) and actor.office == subject.office,
        # Codes of administrative divisions (GB/T 2260) nest by prefix: 3702 contains 370202.
        Scope.REGION: bool(actor.region) and subject.region.startswith(actor.region),
        Scope.ANY: True,
    }
    return held[scope]


def may(actor: Actor, action: str, subject: Subject) -> bool:
    """Whether the table lets this actor do this; an action without a row is a programming error (KeyError)."""
    return any(role in actor.roles and _holds(scope, actor, subject) for role, scope in TABLE[action])


def permit(actor: Actor, action: str, subject: Subject) -> None:
    if not may(actor, action, subject):
        raise NotPermittedError
