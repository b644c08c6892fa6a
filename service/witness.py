"""Witnesses over HTTP: the client's half of C2SP tlog-witness, and the witnesses that the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp

from eventstore.checkpoint import WITNESS_KEY, Checkpoint, NoteError, SignatureLine, VerifierKey, encode_base64
from eventstore.witness import FileWitness, Witness, WitnessAwayError, WitnessHoldsError, WitnessRefusedError
from service.config import SettingError, Settings

_SECONDS = 10.0
_LONGEST = 64 * 1024
_REFUSED = {400, 403, 404, 409, 422}


class HttpWitness:
    """url: the witness's submission prefix. key: what its cosignatures have to be made with."""

    def __init__(self, url: str, key: VerifierKey) -> None:
        self.name = key.name
        self.key = key
        self._url = url.rstrip("/") + "/add-checkpoint"

    async def submit(self, old_size: int, proof: Sequence[bytes], note: str) -> list[SignatureLine]:
        body = "".join([f"old {old_size}\n", *(f"{encode_base64(each)}\n" for each in proof), "\n", note])
        status, kind, answer = await self._post(body.encode())
        if status == 200:
            return self._cosignatures(note, answer)
        if status == 409 and kind == "text/x.tlog.size" and answer.strip().isdecimal():
            raise WitnessHoldsError(int(answer))
        if status in _REFUSED:
            raise WitnessRefusedError(f"[{self.name}: HTTP {status}]")
        raise WitnessAwayError(f"[{self.name}: HTTP {status}]")

    async def _post(self, body: bytes) -> tuple[int, str, str]:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=body, allow_redirects=False) as answer,
            ):
                content = await answer.content.read(_LONGEST)
                return answer.status, answer.content_type, content.decode("utf-8", "replace")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise WitnessAwayError(f"[{self.name}: {type(error).__name__}]") from error

    def _cosignatures(self, note: str, answer: str) -> list[SignatureLine]:
        """Those made with the known key, verified; lines of other keys are passed over."""
        try:
            checkpoint = Checkpoint.parse(note)
            lines = [SignatureLine.parse(line) for line in answer.splitlines()]
            found = replace(checkpoint, signatures=tuple(lines)).cosignatures([self.key])
        except NoteError as error:
            raise WitnessAwayError(f"[{self.name}: {error}]") from error
        if not found:
            raise WitnessAwayError(f"[{self.name}: it did not sign]")
        return found


def http_witnesses(settings: Settings) -> list[HttpWitness]:
    """Raises SettingError."""
    found = []
    for entry in filter(None, (entry.strip() for entry in settings.witness_urls.split(","))):
        url, _, key = entry.partition(" ")
        try:
            verifier = VerifierKey.parse(key.strip())
        except NoteError as error:
            raise SettingError(f"PEIBAN_WITNESS_URLS: {error}") from error
        if not url.startswith(("https://", "http://")) or verifier.kind != WITNESS_KEY:
            raise SettingError("PEIBAN_WITNESS_URLS should be an address, a space and a cosigner's verifier key")
        found.append(HttpWitness(url, verifier))
    return found


def file_witness(settings: Settings, key: VerifierKey) -> FileWitness | None:
    return FileWitness(Path(settings.witness_folder), key) if settings.witness_folder else None


def witnesses(settings: Settings, key: VerifierKey) -> list[Witness]:
    """key: of the log. Raises SettingError."""
    file = file_witness(settings, key)
    return [*([file] if file else []), *http_witnesses(settings)]
