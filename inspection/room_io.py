"""What goes into a live room and what comes out of it. Tabs are numbers of open sockets, new for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cases.errors import RefusedError
from inspection import signaling as say

Role = Literal["applicant", "inspector"]


class NoticeFirstError(RefusedError):
    code = "notice-first"
    zh = "请先阅读并同意录音录像告知，再打开摄像头。"
    en = "Read and accept the notice of recording before you turn on the camera."


class NoCameraError(RefusedError):
    code = "no-camera"
    zh = "现场画面尚未接通，请等待对方打开摄像头后再试。"
    en = "There is no picture from the site yet. Wait until the camera is on and try again."


class TooFastError(RefusedError):
    code = "too-fast"
    zh = "操作过于频繁，请稍候再试。"
    en = "Too many messages at once. Wait a moment."


class RecorderFailedError(RefusedError):
    code = "recorder-failed"
    zh = "录音录像中断，请让对方刷新页面重新接入；如仍不能录制，请转为现场勘验。"
    en = "Recording has stopped. Have the page reloaded and join again; if it stays so, move on site."


class ReplacedError(RefusedError):
    code = "replaced"
    zh = "您已在另一个页面进入本次勘验，此页面已断开。"
    en = "You joined this inspection in another page; this one is disconnected."


class RevokedError(RefusedError):
    code = "revoked"
    kind = "forbidden"
    zh = "您的登录已失效或权限已变更，请重新登录后再进入。"
    en = "Your login has ended or your permissions have changed. Log in and join again."


class RestartError(RefusedError):
    code = "restart"
    zh = "服务正在重启，请稍候，页面会自动重新接入。"
    en = "The service is restarting. Wait a moment; the page joins again by itself."


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the record says. in_room: who it holds to be present."""

    applicant: str
    inspectors: frozenset[str]
    notice_accepted: bool = False
    started: bool = False
    ended: bool = False
    in_room: frozenset[str] = frozenset()
    waiting_for: tuple[str, ...] = ()

    def role(self, party: str) -> Role:
        return "inspector" if party in self.inspectors else "applicant"

    @property
    def may_record(self) -> bool:
        return self.notice_accepted and self.started and not self.ended


# inputs


@dataclass(frozen=True)
class Joined:
    party: str
    name: str | None
    tab: int


@dataclass(frozen=True)
class SocketClosed:
    party: str
    tab: int


@dataclass(frozen=True)
class Heard:
    party: str
    tab: int
    message: say.Incoming


@dataclass(frozen=True)
class MediaIs:
    """state: as the media plane says it."""

    party: str
    state: Literal["connected", "media", "silent", "disconnected"]


@dataclass(frozen=True)
class Learned:
    """The record has moved on to `position`; 0 when nothing that pages show has changed."""

    facts: Facts
    position: int


@dataclass(frozen=True)
class RecorderFailed:
    """final: nothing more is written; otherwise the recorder goes on trying and notes the gap."""

    party: str
    final: bool


@dataclass(frozen=True)
class Revoked:
    """The participant may no longer be here: socket and media go at once."""

    party: str


@dataclass(frozen=True)
class Shutdown:
    """The service stops; everybody comes back by himself."""


@dataclass(frozen=True)
class Tick:
    pass


Input = Joined | SocketClosed | Heard | MediaIs | Learned | RecorderFailed | Revoked | Shutdown | Tick


# effects


@dataclass(frozen=True)
class Send:
    tab: int
    message: say.ToClient


@dataclass(frozen=True)
class CloseTab:
    tab: int


@dataclass(frozen=True)
class Negotiate:
    """Pass the offer to the media plane and its answer, or a problem, to the tab."""

    party: str
    tab: int
    offer: say.Publish | say.Subscribe


@dataclass(frozen=True)
class SetTarget:
    party: str
    kbps: int


@dataclass(frozen=True)
class StartRecording:
    party: str


@dataclass(frozen=True)
class StopRecording:
    party: str


@dataclass(frozen=True)
class NotePresent:
    party: str
    present: bool


@dataclass(frozen=True)
class DropMedia:
    party: str


@dataclass(frozen=True)
class CloseRoom:
    pass


Effect = Send | CloseTab | Negotiate | SetTarget | StartRecording | StopRecording | NotePresent | DropMedia | CloseRoom
