"""What can go wrong between a command and the record. Each error has a public `code` that never changes."""

from __future__ import annotations

from typing import ClassVar

from eventsourcing.persistence import IntegrityError


class EventStoreError(Exception):
    """Base. `zh` and `en` are sentences for people that say what to do next; they hold no personal data."""

    code: ClassVar[str] = "event-store"
    zh: str = "记录系统出错，请联系管理员。"
    en: str = "The record failed; tell the administrator."

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.zh} {self.en} {detail}".rstrip())


class AggregateNotFoundError(EventStoreError):
    code = "not-found"
    zh = "没有找到，请核对编号或链接后重试。"
    en = "Nothing is recorded under this id; check the number or the link."


class VersionConflictError(EventStoreError, IntegrityError):
    """The stream moved on while the command was deciding, more often than we retry. To the package: IntegrityError."""

    code = "version-conflict"
    zh = "刚刚有别人改动了同一事项，请刷新后重试。"
    en = "Somebody else has just changed this; reload and try again."


class BusyError(EventStoreError):
    """The queue of commands is full: nothing was stored. retry_after: seconds."""

    code = "busy"
    zh = "系统繁忙，内容尚未提交，请稍后重试。"
    en = "The service is busy and nothing was stored; try again in a moment."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class OutcomeUnknownError(EventStoreError):
    """The database went away during the commit, or its standby did not confirm; ask again with the same command id."""

    code = "outcome-unknown"
    zh = "暂时无法确认是否已提交成功，请用同一操作再试一次，系统不会重复记录。"
    en = "It cannot be told yet whether this was stored; repeat the same command, it will not be recorded twice."


class RecordUnavailableError(EventStoreError):
    """The database cannot be reached: nothing was stored."""

    code = "record-unavailable"
    zh = "记录系统暂时无法连接，内容尚未提交，请稍后重试。"
    en = "The record cannot be reached and nothing was stored; try again in a moment."


class CommandRefusedError(EventStoreError):
    """The database refused this command's rows for what they hold: nothing of it was stored, its neighbours were."""

    code = "command-refused"
    zh = "提交的内容无法保存，请检查是否含有特殊字符后重试。"
    en = "The content cannot be stored; check it for unusual characters and try again."


class UnknownEventError(EventStoreError):
    """The record holds an event name that this version of the program does not know: never skipped, always told."""

    code = "unknown-event"
    zh = "记录中有本版本程序不认识的事件，请升级程序后再试。"
    en = "The record holds an event that this version does not know; upgrade the program."

    def __init__(self, topic: str, place: str) -> None:
        super().__init__(f"[{topic} @ {place}]")
        self.topic = topic


class RecordChangedError(EventStoreError):
    """The record no longer holds the event that a follower dealt with last: it was replaced, or has lost some."""

    code = "record-changed"
    zh = "记录与先前读到的不一致，请先执行 peiban verify 核验，再重建读模型。"
    en = "The record changed underneath; run peiban verify, then peiban rebuild."


class VaultKeyError(EventStoreError):
    """The keys at hand do not open what the vault holds (other keys file, or altered rows)."""

    code = "vault-key"
    zh = "保险库密钥不符，请联系管理员核对密钥文件。"
    en = "The vault's keys do not fit; the administrator must check the keys file."


class ErasedError(EventStoreError):
    """The data key of this blob has been destroyed: its content is gone for good."""

    code = "erased"
    zh = "该内容已依法删除，无法再查看。"
    en = "This content has been erased and cannot be read any more."


class ErasureRefusedError(EventStoreError):
    """The record does not hold what an erasure needs: asked for by one, approved by another."""

    code = "erasure-refused"
    zh = "删除须由一人申请、另一人批准，记录中没有这样的批准，未作任何删除。"
    en = "An erasure is asked for by one person and approved by another; the record holds no such approval."


class MigrationError(EventStoreError):
    code = "migration"
    zh = "数据库结构升级失败，请核对说明后重试。"
    en = "The database could not be brought up to date; read the detail and run it again."


class EmbeddedPostgresError(EventStoreError):
    code = "embedded-postgres"
    zh = "内置数据库无法启动，请按说明处理后重试。"
    en = "The embedded database did not start; follow the detail and try again."


class AlreadyRunningError(EmbeddedPostgresError):
    """Another process has this data folder's server in its care."""

    code = "already-running"
    zh = "该数据目录已有服务在运行，请先停止它，或改用其他数据目录。"
    en = "A service is already running on this data folder; stop it first or choose another folder."
