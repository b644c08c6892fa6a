"""Which characters the sheet's fonts can draw, and text made safe to draw.

PDF/A forbids glyphs that are missing, and the compiler then refuses the whole document; one rare character
in a name must not keep a sheet from being made. The canonical record keeps the text as it was written.
"""

from __future__ import annotations

import struct
import unicodedata
from functools import lru_cache
from pathlib import Path

from typst import Fonts

FOLDER = Path(__file__).parent / "fonts"
FILES = ("NotoSansSC_400Regular.ttf", "NotoSansSC_700Bold.ttf", "NotoEmoji_400Regular.ttf")
MISSING = "〓"  # the printer's sign for a character he does not have
_LONG_RUN = 18
_JOINER = "\u200d"


class FontsMissingError(RuntimeError):
    """The fonts are not in the package. Build the client once (`make install`): its build hook copies them."""

    code = "fonts-missing"


@lru_cache(maxsize=1)
def fonts() -> Fonts:
    missing = [name for name in FILES if not (FOLDER / name).is_file()]
    if missing:
        raise FontsMissingError(f"{', '.join(missing)}: run `make install`, its build hook brings the fonts")
    return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FOLDER)])


@lru_cache(maxsize=1)
def drawable() -> frozenset[int]:
    """Code points with a glyph in both weights of the text font, or in the emoji font."""
    regular, bold, emoji = (_code_points((FOLDER / name).read_bytes()) for name in FILES)
    return frozenset((regular & bold) | emoji)


def printable(text: str) -> str:
    """`text` with unknown characters as 〓, and without what is invisible and could reorder or hide other text."""
    known, out, run = drawable(), [], 0
    for character in text:
        if character in "\r\n\t\u2028\u2029":
            character = "\n" if character in "\n\u2028\u2029" else " "  # noqa: PLW2901 - the normalised form
        elif unicodedata.category(character) in ("Cc", "Cf", "Mn", "Me", "Cn", "Cs", "Co") and character != _JOINER:
            # Marks of direction, controls, and combining marks that no glyph of these fonts carries.
            if unicodedata.category(character) in ("Cn", "Cs", "Co"):
                out.append(MISSING)
            continue
        run = run + 1 if character.isascii() and character.isalnum() else 0
        if run == _LONG_RUN:
            out.append("\u200b")  # lets an endless word break inside its table cell
            run = 0
        out.append(character if ord(character) in known or character == "\n" else MISSING)
    return "".join(out)


def _code_points(font: bytes) -> set[int]:
    """The Unicode coverage of an OpenType font: its `cmap`, format 12 before format 4."""
    tables = {
        font[at : at + 4]: struct.unpack(">I", font[at + 8 : at + 12])[0]
        for at in range(12, 12 + 16 * struct.unpack(">H", font[4:6])[0], 16)
    }
    start = tables[b"cmap"]
    count = struct.unpack(">H", font[start + 2 : start + 4])[0]
    offsets = [struct.unpack(">I", font[start + 8 + 8 * n : start + 12 + 8 * n])[0] for n in range(count)]
    formats = {struct.unpack(">H", font[start + offset : start + offset + 2])[0]: start + offset for offset in offsets}
    return _format_12(font, formats[12]) if 12 in formats else _format_4(font, formats[4])


def _format_12(font: bytes, at: int) -> set[int]:
    groups = struct.unpack(">I", font[at + 12 : at + 16])[0]
    found: set[int] = set()
    for first, last, _glyph in struct.iter_unpack(">III", font[at + 16 : at + 16 + 12 * groups]):
        found.update(range(first, last + 1))
    return found


def _format_4(font: bytes, at: int) -> set[int]:
    """Segments only: a code point that a segment maps to glyph 0 is counted as well, none of our fonts has one."""
    doubled = struct.unpack(">H", font[at + 6 : at + 8])[0]
    lasts = struct.unpack(f">{doubled // 2}H", font[at + 14 : at + 14 + doubled])
    firsts = struct.unpack(f">{doubled // 2}H", font[at + 16 + doubled : at + 16 + 2 * doubled])
    return {code for first, last in zip(firsts, lasts, strict=True) for code in range(first, last + 1)} - {0xFFFF}
