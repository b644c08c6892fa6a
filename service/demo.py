"""`peiban demo`: everything on one machine, with a demonstration office to play with."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
from collections.abc import Iterable
from uuid import UUID

import segno
import uvloop

from cases.commands import Command
from cases.dispatch import Dispatcher
from cases.permissions import Actor, Role
from service import demo_office
from service.config import Settings
from service.database import open_database
from service.doors import base_url
from service.private_files import made_once
from service.serve import Ready, keep_running, set_up_logging
from web.passwords import Credentials
from web.services import Services

_PR_SET_PDEATHSIG = 1
_LOADER = Actor(id="system:demo", roles=frozenset({Role.SYSTEM}), channel="system")


def run_demo(settings: Settings, *, end_with_parent: bool) -> int:
    if end_with_parent:
        _end_with_parent()
    set_up_logging("warning" if settings.log_level == "info" else settings.log_level)
    print("陪办 Peiban is starting ...", flush=True)
    with open_database(settings) as database:
        uvloop.run(keep_running(settings, database, demo=True, when_ready=_load_and_tell(settings)))
    print("\nStopped. The data stays; start again with the same command.")
    return 0


def _end_with_parent() -> None:
    """Linux: the kernel tells us to stop when the process that started us is gone, even by SIGKILL."""
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise KeyboardInterrupt


def _load_and_tell(settings: Settings) -> Ready:
    async def when_ready(services: Services) -> None:
        password = _password(settings)
        await load_office(services, password)
        print(_welcome(settings, password), flush=True)

    return when_ready


async def load_office(services: Services, password: str) -> None:
    """Offices, people, logins. What is there already stays as it is."""
    await _give(services.dispatcher, demo_office.commands())
    credentials = services.credentials
    assert isinstance(credentials, Credentials)
    for person in demo_office.PEOPLE:
        if await credentials.staff_of(person.login) is None:
            await credentials.set(person.staff_id, person.login, password)
    await services.directory.load(services.store)


async def _give(dispatcher: Dispatcher, commands: Iterable[tuple[UUID, Command]]) -> None:
    for command_id, command in commands:
        await dispatcher.handle(_LOADER, command, command_id)


def _password(settings: Settings) -> str:
    """One password for all demonstration logins, made at the first start: the demonstration listens to the network."""
    file = settings.data_dir / "keys" / "demo-password"
    return made_once(file, lambda: "-".join(str(secrets.randbelow(9000) + 1000) for _ in range(2)))


def _welcome(settings: Settings, password: str) -> str:
    url = base_url(settings)
    local = f"http://localhost:{settings.http_port}" if settings.http_port else url
    ours = settings.tls_port and not (settings.tls_certificate or settings.public_url)
    warning = "   (the browser warns once: the certificate is our own)" if ours else ""
    who = "\n".join(
        f"    {person.login:<7} {person.name}  {demo_office.POSTS[person.role].zh}  {demo_office.POSTS[person.role].en}"
        f"{'' if person.office == 'qd-shinan' else '  (' + person.office + ')'}"
        for person in demo_office.PEOPLE
    )
    return f"""
  陪办 Peiban, a demonstration. 演示环境，数据均为虚构。

  手机端  phone   {local}/            申请人：任意手机号 + 短信箱中的验证码
  桌面端  desk    {local}/desk
  短信箱  outbox  {local}/outbox      messages that would go to phones
  局域网  network {url}/{warning}

  密码 password for all: {password}
{who}

{_qr(url)}
  Ctrl-C stops everything. 按 Ctrl-C 结束。
"""


def _qr(url: str) -> str:
    """As text, two modules a character, so that a phone's camera reads it from the terminal."""
    rows = [list(row) for row in segno.make(f"{url}/", micro=False).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    lines = (
        "".join(blocks[int(bool(upper)), int(bool(lower))] for upper, lower in zip(rows[i], rows[i + 1], strict=True))
        for i in range(0, len(rows), 2)
    )
    return "\n".join(f"    {line}" for line in lines)
