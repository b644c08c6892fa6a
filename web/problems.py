"""The one place where errors become problem documents (RFC 9457).

Each says in Chinese and English what to do next; none repeats personal data or the inside of the service.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from cases.errors import RefusedError
from eventstore import BusyError, EventStoreError, RecordUnavailableError
from web.database import is_down
from web.views import Problem

PROBLEM_TYPE = "application/problem+json"


class EdgeError(Exception):
    """What the edge itself refuses. `headers` go into the answer."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad-request"
    zh: str = "请求无法识别，请刷新页面后重试。"
    en: str = "The request cannot be understood. Refresh the page and try again."

    def __init__(self, *, headers: Mapping[str, str] | None = None, **details: Any) -> None:
        super().__init__(self.code)
        self.headers = dict(headers or {})
        self.details = details


class BadRequestError(EdgeError):
    pass


class NotLoggedInError(EdgeError):
    status = 401
    code = "not-logged-in"
    zh = "请先登录。登录后会回到这一页，已填写的内容不会丢失。"
    en = "Log in first. You will come back to this page and nothing you entered is lost."


class LoginRefusedError(EdgeError):
    status = 401
    code = "login-refused"
    zh = "账号或密码不正确，请核对后重新输入。忘记密码请联系本单位系统管理员。"
    en = "Login or password is not right. Check both and try again; if you forgot it, ask your administrator."


class CodeRefusedError(EdgeError):
    status = 401
    code = "code-refused"
    zh = "验证码不正确或已过期，请核对短信；多次不成功请重新获取验证码。"
    en = "The code is wrong or too old. Check the message, or ask for a new code."


class ForgeryError(EdgeError):
    status = 403
    code = "csrf"
    zh = "页面已过期，请刷新后再试一次。"
    en = "This page is out of date. Refresh it and try once more."


class ForeignOriginError(EdgeError):
    status = 403
    code = "wrong-origin"
    zh = "操作来自其他网站，已被拒绝。请从本系统的页面重新操作。"
    en = "The request came from another site and was refused. Start again from our own page."


class NotForYouError(EdgeError):
    status = 403
    code = "wrong-login"
    zh = "当前登录身份不能使用这一页。请换用相应的身份登录。"
    en = "Your present login cannot use this page. Log in with the right one."


class NoSuchPageError(EdgeError):
    status = 404
    code = "no-such-address"
    zh = "没有这个地址，请返回首页重新进入。"
    en = "There is nothing at this address. Go back to the first page."


class NoSuchMethodError(EdgeError):
    status = 405
    code = "method-not-allowed"
    zh = "这个地址不支持这种操作，请刷新页面后重试。"
    en = "This address does not take that kind of request. Refresh the page and try again."


class TooSlowError(EdgeError):
    status = 408
    code = "too-slow"
    zh = "上传时间过长，连接已断开。请换到信号好的地方再试，或把文件压缩后上传。"
    en = "The upload took too long and was cut off. Try where the signal is better, or compress the file."


class TooLargeError(EdgeError):
    status = 413
    code = "too-large"
    zh = "文件太大，每个文件不能超过 20 MB。请压缩照片，或分成几个文件分别上传。"
    en = "Too large: a file may have 20 MB at most. Compress the photo, or split the file and upload the parts."


class WrongTypeError(EdgeError):
    status = 415
    code = "wrong-media-type"
    zh = "提交的格式不对，请刷新页面后重新提交。"
    en = "This was sent in the wrong format. Refresh the page and send it again."


class BodyError(EdgeError):
    """details.fields: field name to what is wrong with it, in msgspec's words."""

    status = 422
    code = "invalid-input"
    zh = "填写的内容有误，请按提示修改后再提交。"
    en = "Some of what you entered is not right. Correct the marked fields and send again."


class IdempotencyKeyError(EdgeError):
    status = 422
    code = "idempotency-key"
    zh = "页面版本过旧，请刷新后再提交。"
    en = "The page is too old (its request has no idempotency key). Refresh it and send again."


class ThrottledError(EdgeError):
    """retry_after: seconds, rounded up."""

    status = 429
    code = "throttled"

    def __init__(self, retry_after: float) -> None:
        seconds = max(1, math.ceil(retry_after))
        self.zh = f"操作太频繁，请在 {seconds} 秒后再试。"
        self.en = f"Too many attempts. Try again in {seconds} seconds."
        super().__init__(headers={"Retry-After": str(seconds)}, retry_after=seconds)


class MessageNotSentError(EdgeError):
    """What a messenger raises when nobody took the message over. Not 503, which pages try again by themselves."""

    status = 502
    code = "message-not-sent"
    zh = "短信暂时发不出去，请过几分钟再获取验证码，或联系窗口工作人员。"
    en = "The text message cannot be sent just now. Ask for a code again in a few minutes, or ask at the counter."


class UnexpectedError(EdgeError):
    status = 500
    code = "unexpected"
    zh = "系统出错，内容可能未提交。请稍后用同一操作再试；仍不成功，请把请求编号告诉工作人员。"
    en = "Something failed on our side. Repeat the same action later; if it fails again, tell us the request number."


_KINDS = {"invalid": 422, "forbidden": 403, "missing": 404, "conflict": 409}
_STORE = {"not-found": 404, "version-conflict": 409, "command-refused": 422, "erased": 410}
_HTTP: dict[int, type[EdgeError]] = {
    404: NoSuchPageError,
    405: NoSuchMethodError,
    413: TooLargeError,
    415: WrongTypeError,
}
_TRY_AGAIN = {"busy", "outcome-unknown", "record-unavailable"}


def problem_of(error: Exception, request_id: str) -> tuple[Problem, dict[str, str]]:
    """The problem document of an error, and the headers that go with it."""
    match error:
        case EdgeError():
            return _problem(error.status, error.code, error.zh, error.en, error.details), error.headers
        case RefusedError():
            return _problem(_KINDS.get(error.kind, 409), error.code, error.zh, error.en, error.details), {}
        case EventStoreError() if error.code in _TRY_AGAIN:
            wait = error.retry_after if isinstance(error, BusyError) else 2.0
            return _problem(503, error.code, error.zh, error.en, {}), {"Retry-After": str(max(1, math.ceil(wait)))}
        case EventStoreError() if error.code in _STORE:
            return _problem(_STORE[error.code], error.code, error.zh, error.en, {}), {}
    return problem_of(_ours(error, request_id), request_id)


def _ours(error: Exception, request_id: str) -> Exception:
    """What aiohttp, asyncpg or a mistake of ours raised, as one of our own errors."""
    if isinstance(error, web.HTTPException):
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _HTTP.get(error.status, BadRequestError)(headers=headers)
    return RecordUnavailableError() if is_down(error) else UnexpectedError(request=request_id)


def is_unexpected(error: Exception) -> bool:
    """Whether the error is our own fault and so belongs in the error log with its trace."""
    problem, _ = problem_of(error, "")
    return problem.status == HTTPStatus.INTERNAL_SERVER_ERROR


def answer_of(error: Exception, request_id: str) -> web.Response:
    problem, headers = problem_of(error, request_id)
    response = web.Response(
        status=problem.status, body=msgspec.json.encode(problem), content_type=PROBLEM_TYPE, headers=headers
    )
    if problem.status in (408, 413):
        response.force_close()  # what is still coming of the body is not worth reading
    return response


def _problem(status: int, code: str, zh: str, en: str, details: Mapping[str, Any]) -> Problem:
    return Problem(
        type=f"urn:peiban:problem:{code}", status=status, code=code, title=zh, title_en=en, details=dict(details)
    )
