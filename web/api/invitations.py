"""The link to an inspection: look at it, have a code sent to the invited phone, prove it, come in."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid5

import msgspec
from msgspec import Meta

from cases.permissions import Actor, Role
from inspection.commands import BindInvitation
from inspection.errors import InvitationError
from inspection.inspection import Inspection
from inspection.invitation import require_open
from web import views
from web.api.session import session_view
from web.auth import AGAIN_IN, masked, net_of
from web.call import Call
from web.problems import CodeRefusedError
from web.routing import ANYONE, Routes
from web.throttle import Limit

routes = Routes("invitations")
_OPEN = "the token in the body is proof of the invitation; the code to the invited phone comes on top"
_LOOKS = Limit("invitation-looks", 60, 2)


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, Meta(max_length=200)]


class ProveInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, Meta(max_length=200)]
    code: Annotated[str, Meta(max_length=20)]


@routes.post(
    "/invitations/look",
    body=Look,
    answer=views.Invitation,
    who=ANYONE,
    open_because=_OPEN,
    summary="What a link leads to",
)
async def look_at_invitation(call: Call, body: Look) -> views.Invitation:
    await call.auth.throttle.take(_LOOKS, net_of(call.address))
    inspection = await _inspection(call, body.token)
    item = call.services.catalogue.version(inspection.item, inspection.item_version)
    phone = await _phone(call, inspection)
    return views.Invitation(
        inspection_id=inspection.id,
        item_name=item.name,
        starts_at=inspection.starts_at,
        masked_phone=masked(phone),
        state="ended" if inspection.over else "bound" if inspection.guest else "fresh",
    )


@routes.post(
    "/invitations/code", body=Look, answer=views.CodeSent, who=ANYONE, open_because=_OPEN,
    summary="Send a one-time code to the invited phone",
)  # fmt: skip
async def send_invitation_code(call: Call, body: Look) -> views.CodeSent:
    inspection = await _open_inspection(call, body.token)
    phone = await _phone(call, inspection)
    text = "【陪办】勘验验证码 {code}，5 分钟内有效。请勿转发链接和验证码。"
    await call.auth.send_code(call, phone, purpose=f"inspection:{inspection.id}", text=text)
    return views.CodeSent(masked_phone=masked(phone), again_in=AGAIN_IN)


@routes.post(
    "/invitations/verify", body=ProveInvitation, answer=views.Session, who=ANYONE, open_because=_OPEN,
    summary="Come in as the invited participant",
)  # fmt: skip
async def verify_invitation(call: Call, body: ProveInvitation) -> views.Session:
    inspection = await _open_inspection(call, body.token)
    phone, guest = await _phone(call, inspection), inspection.applicant_party
    person = await call.auth.prove_phone(call, phone, body.code.strip(), purpose=f"inspection:{inspection.id}")
    actor = Actor(id=guest, roles=frozenset({Role.GUEST}), channel="video", principal=f"person:{person}")
    # The id is made from the invitation: however often the link is used, it is bound once.
    bind = BindInvitation(inspection_id=inspection.id)
    outcome = await call.services.dispatcher.handle(actor, bind, uuid5(inspection.id, f"bind {person}"))
    await call.shown(outcome.position)
    login = await call.auth.begin(call, "guest", guest, person=person, phone=phone)
    return await session_view(call, login)


async def _inspection(call: Call, token: str) -> Inspection:
    invitation = call.services.invitations.read(token)
    inspection = await call.services.store.get(Inspection, invitation.inspection_id)
    if not 1 <= invitation.number <= inspection.invitation:
        raise InvitationError
    return inspection


async def _open_inspection(call: Call, token: str) -> Inspection:
    """Raises InvitationEndedError after the end."""
    inspection = await _inspection(call, token)
    require_open(inspection, call.services.invitations.read(token))
    return inspection


async def _phone(call: Call, inspection: Inspection) -> str:
    ref = inspection.contact["ref"]
    phone = (await call.services.store.vault.open([ref]))[ref]
    if phone is None:
        raise CodeRefusedError
    return phone
