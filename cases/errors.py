"""Refusals. Each has a stable public code and one sentence in Chinese and English that says what to do next."""

from __future__ import annotations

from typing import ClassVar


class RefusedError(Exception):
    """Base of all refusals of the domain. `details` may name fields or items; it never holds personal data.

    kind: how the edge treats it: `invalid` (the input), `forbidden`, `missing`, `conflict` (the state).
    """

    code: ClassVar[str] = "refused"
    kind: ClassVar[str] = "conflict"
    zh: str = "当前无法办理，请刷新后再试。"
    en: str = "This cannot be done now. Refresh the page and try again."

    def __init__(self, zh: str = "", en: str = "", **details: object) -> None:
        self.zh = zh or type(self).zh
        self.en = en or type(self).en
        self.details = details
        super().__init__(f"{self.code}: {self.en}")


class NotPermittedError(RefusedError):
    code = "not-permitted"
    kind = "forbidden"
    zh = "您没有办理这一步的权限。如需办理，请联系本件的陪伴人或所在窗口负责人。"
    en = "You may not take this step. Ask the matter's companion or the head of your office."


class WrongStateError(RefusedError):
    code = "wrong-state"
    zh = "本件已进入下一环节，这一步不能再办。请刷新页面查看最新进度。"
    en = "The matter has moved on, so this step is no longer possible. Refresh to see where it stands."


class InvalidInputError(RefusedError):
    code = "invalid-input"
    kind = "invalid"
    zh = "填写的内容有误，请按提示修改后再提交。"
    en = "Some of what you entered is not right. Correct the marked fields and send again."


class MissingError(RefusedError):
    code = "missing"
    kind = "missing"
    zh = "没有找到这条记录，请核对编号或链接。"
    en = "There is no such record. Check the number or the link."
