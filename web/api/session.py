"""Who is logged in; logging in and out."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from cases.permissions import Role
from web.auth import AGAIN_IN, masked, phone_of
from web.call import Call
from web.opened import open_some, staff_entry
from web.present import office_name
from web.problems import NotLoggedInError
from web.routing import ALL, ANYONE, Query, Routes
from web.sessions import Login
from web.views import CodeSent, Session

routes = Routes("session")
_AS = Query(name="as", about="`guest`: the session that an invitation opened", pattern="guest|")
_LOGIN = "logging in is how one becomes somebody; throttled"


class SendCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    phone: Annotated[str, Meta(max_length=30)]


class VerifyCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    phone: Annotated[str, Meta(max_length=30)]
    code: Annotated[str, Meta(max_length=20)]


class LogIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    login: Annotated[str, Meta(min_length=1, max_length=100)]
    password: Annotated[str, Meta(min_length=1, max_length=200)]


class LogOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


@routes.get(
    "/session", answer=Session, who=ANYONE, queries=(_AS,), open_because="says who one is", summary="Who is logged in"
)
async def session(call: Call) -> Session:
    login = await call.auth.find(call, "guest" if call.query("as") else "main")
    return await session_view(call, login)


@routes.post(
    "/login/code", body=SendCode, answer=CodeSent, who=ANYONE, open_because=_LOGIN,
    summary="Send a one-time code to an applicant's phone",
)  # fmt: skip
async def send_code(call: Call, body: SendCode) -> CodeSent:
    phone = phone_of(body.phone)
    text = "【陪办】登录验证码 {code}，5 分钟内有效。请勿告诉他人，工作人员不会向您索要。"
    await call.auth.send_code(call, phone, purpose="login", text=text)
    return CodeSent(masked_phone=masked(phone), again_in=AGAIN_IN)


@routes.post(
    "/login/verify", body=VerifyCode, answer=Session, who=ANYONE, open_because=_LOGIN,
    summary="Log in as an applicant with the code",
)  # fmt: skip
async def verify_code(call: Call, body: VerifyCode) -> Session:
    login = await call.auth.login_applicant(call, phone_of(body.phone), body.code.strip())
    return await session_view(call, login)


@routes.post(
    "/login/staff", body=LogIn, answer=Session, who=ANYONE, open_because=_LOGIN, summary="Log in as a member of staff"
)
async def log_in(call: Call, body: LogIn) -> Session:
    login = await call.auth.login_staff(call, body.login, body.password)
    return await session_view(call, login)


@routes.post(
    "/logout", body=LogOut, answer=Session, who=ALL, queries=(_AS,), open_because="one's own session",
    summary="End the session",
)  # fmt: skip
async def log_out(call: Call, body: LogOut) -> Session:
    await call.auth.end(call, call.login)
    return await session_view(call, None)


async def session_view(call: Call, login: Login | None) -> Session:
    demo = call.services.settings.demo
    if login is None:
        return Session(kind="none", demo=demo)
    if login.kind == "staff":
        return await _staff_session(call, login, demo)
    phone = await call.auth.phone(login)
    role = Role.APPLICANT if login.kind == "applicant" else Role.GUEST
    return Session(
        kind=login.kind,
        id=login.holder,
        roles=[role],
        csrf=login.csrf,
        inspection_id=login.id if login.kind == "guest" else None,
        masked_phone=masked(phone) if phone else "",
        demo=demo,
    )


async def _staff_session(call: Call, login: Login, demo: bool) -> Session:
    entry = staff_entry(call.services.directory, login.holder)
    if entry is None:
        raise NotLoggedInError
    opened = await open_some(call.services, (), [login.holder])
    return Session(
        kind="staff",
        id=login.holder,
        name=opened.person(login.holder).name or "",
        roles=sorted(entry.roles),
        office=entry.office,
        office_name=office_name(call.services.directory, entry.office),
        csrf=login.csrf,
        demo=demo,
    )
