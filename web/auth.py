"""Logging in: staff by password, applicants by a code to their phone, guests by a link and a code to the invited phone.

Throttles slow an attacker down per address and per login or phone; a browser that has logged in before carries
a device cookie and has limits of its own, so that nobody can lock an owner out by failing in his name.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import unicodedata
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from cases.errors import InvalidInputError
from cases.permissions import Actor, Role
from eventstore import ErasedError
from web.codes import LIFETIME, Codes
from web.passwords import Credentials
from web.problems import CodeRefusedError, LoginRefusedError
from web.sessions import LIFETIMES, Login, Sessions
from web.throttle import Limit, Throttle

if TYPE_CHECKING:
    from web.call import Call
    from web.services import Services

AGAIN_IN = 60

# Password attempts: one login from one address, all from one address, one login from everywhere, one known device.
_PAIR = Limit("password-pair", 5, 30)
_ADDRESS = Limit("password-address", 30, 5)
_LOGIN = Limit("password-login", 20, 60)
_DEVICE = Limit("password-device", 10, 30)
# Codes: the wait between two, one phone from everywhere, one address, all together (messages cost money).
_SEND_PAIR = Limit("code-pair", 3, AGAIN_IN)
_SEND_PHONE = Limit("code-phone", 5, 600)
_SEND_DEVICE = Limit("code-device", 5, AGAIN_IN)
_SEND_ADDRESS = Limit("code-address", 20, 20)
_SEND_ALL = Limit("code-all", 200, 0.5)
_REDEEM_ADDRESS = Limit("redeem-address", 30, 5)

_DEVICE_DAYS = 365
SessionKind = Literal["main", "guest"]


PHONE = re.compile(r"1[3-9][0-9]{9}")


def plain_number(text: str) -> str:
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).removeprefix("+86")


def phone_of(text: str) -> str:
    """A mainland mobile number in its plain form, 11 digits; full-width ones, as input methods make them, too."""
    digits = plain_number(text)
    if not PHONE.fullmatch(digits):
        raise InvalidInputError(
            "手机号码应为 11 位数字，请核对后重新填写。",
            "A mobile number has 11 digits. Check it and enter it again.",
            fields={"phone": "11 digits"},
        )
    return digits


def masked(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"


class Auth:
    def __init__(self, services: Services) -> None:
        database, secret, clock = services.database, services.settings.secret, services.clock
        self._services = services
        self._secret = secret
        self.sessions = Sessions(database, clock)
        self.codes = Codes(database, secret, clock)
        self.throttle = Throttle(database, secret, clock)
        self.credentials = services.credentials or Credentials(database, clock)

    # staff

    async def login_staff(self, call: Call, login: str, password: str) -> Login:
        name, device = login.strip().lower(), f"login:{login.strip().lower()}"
        known = self._knows(call, device)
        if known:
            await self.throttle.take(_DEVICE, name, known)
        else:
            await self.throttle.take(_ADDRESS, net_of(call.address))
            await self.throttle.take(_PAIR, name, net_of(call.address))
            await self.throttle.take(_LOGIN, name)
        staff = await self.credentials.check(login, password)
        if staff is None or not self._services.directory_has(staff):
            raise LoginRefusedError
        await self.throttle.forget(_PAIR, name, net_of(call.address))
        await self.throttle.forget(_DEVICE, name, known)
        self._remember(call, device)
        return await self.begin(call, "staff", f"staff:{staff}")

    # applicants

    async def send_code(self, call: Call, phone: str, *, purpose: str, text: str) -> None:
        """Sends a one-time code. text: the message, with `{code}` in it."""
        known = self._knows(call, f"phone:{phone}")
        if known:
            await self.throttle.take(_SEND_DEVICE, phone, known)
        else:
            await self.throttle.take(_SEND_ADDRESS, net_of(call.address))
            # By purpose: whoever asks for login codes in another's name does not keep him from his invitation.
            await self.throttle.take(_SEND_PAIR, purpose, phone, net_of(call.address))
            await self.throttle.take(_SEND_PHONE, purpose, phone)
            await self.throttle.take(_SEND_ALL)
        challenge, code = await self.codes.issue(purpose, phone)
        await self._services.messenger.send(phone, text.format(code=code))
        call.set_cookie("code", challenge, seconds=int(LIFETIME.total_seconds()))

    async def prove_phone(self, call: Call, phone: str, code: str, *, purpose: str) -> UUID:
        """The person whose phone it is, known or new; raises CodeRefusedError."""
        await self.throttle.take(_REDEEM_ADDRESS, net_of(call.address))
        challenge = call.cookie("code")
        if not challenge or not await self.codes.redeem(challenge, purpose, phone, code):
            raise CodeRefusedError
        call.drop_cookie("code")
        self._remember(call, f"phone:{phone}")
        return await self._services.store.vault.subject("phone", phone)

    async def login_applicant(self, call: Call, phone: str, code: str) -> Login:
        person = await self.prove_phone(call, phone, code, purpose="login")
        return await self.begin(call, "applicant", f"person:{person}", person=person, phone=phone)

    # sessions

    async def begin(
        self,
        call: Call,
        kind: Literal["applicant", "staff", "guest"],
        holder: str,
        *,
        person: UUID | None = None,
        phone: str = "",
    ) -> Login:
        """Opens a session in place of the browser's old one of that cookie: a token never outlives a login."""
        cookie = _cookie_of("guest" if kind == "guest" else "main")
        if old := await self.sessions.find(call.cookie(cookie)):
            await self.sessions.close(old)
        contact = None
        if person is not None and phone:
            contact = (await self._services.store.vault.cipher(person, person)).seal(phone.encode())
        token = await self.sessions.open(kind, holder, person=person, contact=contact)
        call.set_cookie(cookie, token, seconds=int(LIFETIMES[kind][1].total_seconds()))
        found = await self.sessions.find(token)
        assert found is not None
        return found

    async def find(self, call: Call, which: SessionKind) -> Login | None:
        token = call.cookie(_cookie_of(which))
        return await self.sessions.find(token) if token else None

    async def end(self, call: Call, login: Login) -> None:
        await self.sessions.close(login)
        self._services.live.revoke(login.holder)
        call.drop_cookie(_cookie_of("guest" if login.kind == "guest" else "main"))

    async def phone(self, login: Login) -> str:
        """The phone behind an applicant's or guest's session; empty once it was erased."""
        if login.person is None or login.contact is None:
            return ""
        try:
            return (await self._services.store.vault.open_blob(login.contact, login.person)).decode()
        except ErasedError:
            return ""

    def actor(self, login: Login) -> Actor:
        """Who acts. Staff roles are looked up each time: what was taken away is gone at once."""
        match login.kind:
            case "staff":
                return self._services.directory.actor(login.id, "desk")
            case "applicant":
                return Actor(id=login.holder, roles=frozenset({Role.APPLICANT}), channel="phone")
            case "guest":
                return Actor(
                    id=login.holder, roles=frozenset({Role.GUEST}), channel="video", principal=f"person:{login.person}"
                )

    async def sweep(self) -> None:
        """Removes what has expired."""
        await self.sessions.sweep()
        await self.throttle.sweep()

    # devices that have logged in before

    def _knows(self, call: Call, whom: str) -> str:
        """The device's own random part when its cookie was given for this login or phone, else empty."""
        mark, _, mac = call.cookie("device").partition(".")
        return mark if mark and hmac.compare_digest(mac, self._mac(whom, mark)) else ""

    def _remember(self, call: Call, whom: str) -> None:
        mark = secrets.token_urlsafe(16)
        call.set_cookie("device", f"{mark}.{self._mac(whom, mark)}", seconds=_DEVICE_DAYS * 86400)

    def _mac(self, whom: str, mark: str) -> str:
        text = f"device\x00{whom}\x1f{mark}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def _cookie_of(which: SessionKind) -> str:
    return "guest" if which == "guest" else ""


def net_of(address: str) -> str:
    """An IPv6 customer holds a whole /64, so that counts as one address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else address
