"""Reads one PDF on standard input and says on standard output whether it may be stored. A program of its own.

A hostile PDF can unfold a few kilobytes into gigabytes or lead a parser in circles, so it is read in a child
process with a ceiling on memory and processor time, never in the service. `cases/attachments.py` runs this
file by path; it therefore imports nothing of ours. The reader is pyhanko's, without repair of broken files.

Answer: one word, `ok`, `broken`, `encrypted`, `active` or `no-pages`.
"""

from __future__ import annotations

import logging
import resource
import sys
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

MEMORY = 1 << 30
SECONDS = 10
MAX_OBJECTS = 200_000
MAX_PAGES = 2_000

# ISO 32000-2 12.6.4: actions that run code, start programs, open other files or send data away.
ACTIVE_ACTIONS = {
    "/JavaScript", "/Launch", "/GoToE", "/GoToR", "/SubmitForm", "/ImportData", "/Rendition", "/Movie", "/Sound",
    "/RichMediaExecute",
}  # fmt: skip
ACTIVE_KEYS = {"/JS", "/JavaScript", "/EmbeddedFiles", "/EF", "/XFA", "/RichMediaContent"}
ACTIVE_KINDS = {"/FileAttachment", "/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"}


class RefusedPdfError(Exception):
    """Its only argument is the answer."""


def verdict(data: bytes) -> str:
    try:
        reader = PdfFileReader(BytesIO(data), strict=False)
        trailer = reader.trailer_view
        if "/Encrypt" in trailer:
            return "encrypted"
        _refuse_active(reader, trailer)
        return "ok" if _pages(trailer["/Root"]["/Pages"]) else "no-pages"
    except RefusedPdfError as refused:
        return str(refused)
    except Exception:  # whatever a parser meets in a damaged file, the answer is the same
        return "broken"


def _refuse_active(reader: Any, trailer: Any) -> None:
    """Walks every object that can be reached, streams' dictionaries included, their contents not."""
    waiting: list[Any] = [trailer.raw_get("/Root")]
    seen: set[tuple[int, int]] = set()
    steps = 0
    while waiting:
        item = waiting.pop()
        steps += 1
        if steps > MAX_OBJECTS * 10 or len(seen) > MAX_OBJECTS:
            raise RefusedPdfError("broken")
        if isinstance(item, generic.IndirectObject):
            if (item.idnum, item.generation) not in seen:
                seen.add((item.idnum, item.generation))
                waiting.append(item.get_object())
        elif isinstance(item, generic.DictionaryObject):
            _refuse_active_dictionary(item)
            waiting.extend(item.raw_get(key) for key in item)
        elif isinstance(item, generic.ArrayObject):
            waiting.extend(item.raw_get(index) for index in range(len(item)))


def _refuse_active_dictionary(item: Any) -> None:
    if not ACTIVE_KEYS.isdisjoint(item):
        raise RefusedPdfError("active")
    for key, bad in (("/S", ACTIVE_ACTIONS), ("/Subtype", ACTIVE_KINDS)):
        value = _value(item, key)
        if isinstance(value, generic.NameObject) and str(value) in bad:
            raise RefusedPdfError("active")


def _value(item: Any, key: str) -> Any:
    return item[key] if key in item else None  # noqa: SIM401 - `get` would not follow a reference


def _pages(root: Any) -> int:
    """Pages by walking the tree: `/Count` is only what the file says of itself."""
    waiting, seen, pages = [root], 0, 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > 4 * MAX_PAGES:
            raise RefusedPdfError("broken")
        if "/Kids" in node:
            kids = node["/Kids"]
            waiting.extend(kids[number] for number in range(len(kids)))
        elif _value(node, "/Type") == "/Page":
            pages += 1
    return pages


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    sys.stdout.write(verdict(sys.stdin.buffer.read()))
