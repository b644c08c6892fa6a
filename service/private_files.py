"""Small secrets in files that only their owner reads, each made once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from service.errors import KeyFileError


def made_once(file: Path, make: Callable[[], str]) -> str:
    """What the file holds; at the first start, what `make` gives. Raises KeyFileError for an empty one."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, make().encode("ascii"))
    held = file.read_text(encoding="ascii")
    if not held.strip():
        raise KeyFileError(file)
    return held


def write_private(file: Path, content: bytes) -> None:
    """The file appears whole or not at all: a process that is killed meanwhile leaves no half of a key."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
