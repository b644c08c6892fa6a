"""Photos and handwriting that people send: checked by content, turned upright, cleaned by re-encoding.

What is shown or printed is always our own encoding, so position, device and whatever was appended to a
file never leave with it. Nothing here waits: decoding takes tens of milliseconds, so call it in a thread.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cases.errors import RefusedError

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 64 * 1024 * 1024
DISPLAY_EDGE = 1600
STILL_EDGE = 2560
THUMBNAIL_EDGE = 320
MAX_INK_BYTES = 200 * 1000
FONT_FILE = Path(__file__).parent.parent / "inspection" / "sheet" / "fonts" / "NotoSansSC_400Regular.ttf"

# Pillow's own guard against decompression bombs; `_open` asks again, so that nothing hangs on a filter.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# At the level `debug` Pillow logs what stands in a photo's EXIF: position, device, owner.
logging.getLogger("PIL").setLevel(logging.INFO)

_MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_ORIENTATION = 0x0112
_UPRIGHT = {  # EXIF 2.32, 4.6.4 A: what undoes each orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise on damaged input, beside OSError; a warning counts when filters make it an error.
_FAULTS = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, EOFError, struct.error, Warning,
)  # fmt: skip


class PhotoRefusedError(RefusedError):
    code = "photo-refused"
    kind = "invalid"
    zh = "这张照片无法使用，请重新拍摄后再上传。"
    en = "This photo cannot be used. Take it again and upload the new one."


class PhotoEmptyError(PhotoRefusedError):
    code = "photo-empty"
    zh = "收到的照片是空文件，请重新选择照片后再上传。"
    en = "The photo arrived empty. Choose the photo again and upload it."


class PhotoTooLargeError(PhotoRefusedError):
    code = "photo-too-large"
    zh = "照片超过 20 MB。请用手机相机的普通画质重新拍摄，或发送压缩后的照片。"
    en = "The photo is larger than 20 MB. Take it again in normal quality, or send a compressed copy."


class PhotoTooManyPixelsError(PhotoRefusedError):
    code = "photo-too-many-pixels"
    zh = "照片尺寸过大（超过 6400 万像素）。请用普通模式而不是全景或超高像素模式重新拍摄。"
    en = "The photo has more than 64 million pixels. Take it again in normal mode, not panorama or ultra resolution."


class PhotoFormatError(PhotoRefusedError):
    code = "photo-format"
    zh = "这个文件不是 JPEG、PNG 或 WEBP 照片。请从相册选择照片，或直接拍摄。"
    en = "This file is not a JPEG, PNG or WEBP photo. Choose a photo from the album or take one now."


class PhotoHeicError(PhotoRefusedError):
    code = "photo-heic"
    zh = "这是 HEIC 格式照片。请在手机“设置—相机—格式”中选择“兼容性最佳”后重拍，或截屏后上传。"
    en = "This is a HEIC photo. Set the camera's format to “Most Compatible” and take it again, or upload a screenshot."


class PhotoBrokenError(PhotoRefusedError):
    code = "photo-broken"
    zh = "照片文件不完整或已损坏，请重新拍摄或重新选择后上传。"
    en = "The photo is incomplete or damaged. Take it again, or choose it again and upload."


class HandwritingRefusedError(RefusedError):
    code = "handwriting-unusable"
    kind = "invalid"
    zh = "签名图像无法使用，请清空签名框后重新书写。"
    en = "The handwriting cannot be used. Clear the box and sign again."


class HandwritingEmptyError(HandwritingRefusedError):
    code = "handwriting-empty"
    zh = "签名框里没有看到完整的笔迹，请用手指或触控笔写下姓名。"
    en = "There is no clear handwriting in the box. Write your name with a finger or a pen."


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo whose every byte was decoded; `width`, `height` are those of the original, held upright."""

    original: bytes
    media_type: str
    width: int
    height: int
    _upright: Image.Image

    def display(self) -> bytes:
        """JPEG of at most 1600 px, upright, without metadata."""
        return _jpeg(_fit(self._upright, DISPLAY_EDGE), quality=85)

    def thumbnail(self) -> bytes:
        """WEBP of at most 320 px, upright, without metadata."""
        out = BytesIO()
        _fit(self._upright, THUMBNAIL_EDGE).save(out, "WEBP", quality=78, method=4)
        return out.getvalue()


def read_photo(data: bytes) -> Photo:
    """The photo in `data`; raises a PhotoRefusedError that says what to do. The content decides, not the name."""
    return _read(data, edge=DISPLAY_EDGE)


def watermark(jpeg: bytes, lines: Sequence[str]) -> bytes:
    """The still, upright and at most 2560 px, with `lines` in a dark band along its foot, as JPEG.

    White letters with a dark outline on the band are readable whatever the picture shows behind them.
    """
    image = _fit(_read(jpeg, edge=STILL_EDGE)._upright, STILL_EDGE)
    size = max(12, round(max(image.size) / 40 / 2) * 2)  # even sizes only: each one loaded costs 40 ms
    font, pad = _font(size), size // 2
    rows = [row for line in lines for row in _wrapped(line, font, image.width - 2 * pad)]
    height = min(image.height, len(rows) * round(size * 1.35) + 2 * pad)
    top = image.height - height
    band = image.crop((0, top, *image.size))
    image.paste(Image.blend(band, Image.new("RGB", band.size), 0.6), (0, top))
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        place = (pad, top + pad + number * round(size * 1.35))
        draw.text(place, row, font=font, fill="white", stroke_width=max(1, size // 16), stroke_fill="black")
    return _jpeg(image, quality=88)


def read_ink(png: bytes) -> bytes:
    """Handwriting as a clean PNG: black on white, cropped to the strokes, at most 800 x 300 px.

    Transparent drawings count by their alpha, opaque ones by their darkness.
    """
    if len(png) > MAX_INK_BYTES:
        raise HandwritingRefusedError
    try:
        with Image.open(BytesIO(png), formats=("PNG",)) as opened:
            if opened.width > 4096 or opened.height > 4096:
                raise HandwritingRefusedError
            ink = _strokes(opened)
    except _FAULTS as fault:
        raise HandwritingRefusedError from fault
    box = ink.point([0] * 96 + [255] * 160).getbbox()
    if box is None or max(box[2] - box[0], box[3] - box[1]) < 24:
        raise HandwritingEmptyError
    drawn = ink.crop(box)
    marked = sum(drawn.histogram()[96:])
    if marked < 60 or (marked > 0.9 * drawn.width * drawn.height and min(drawn.size) > 24):
        raise HandwritingEmptyError  # a tap, or a box filled with one colour
    drawn.thumbnail((784, 284))
    sheet = Image.new("L", (drawn.width + 16, drawn.height + 16), 255)
    sheet.paste(0, (8, 8), drawn)
    out = BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _read(data: bytes, *, edge: int) -> Photo:
    if not data:
        raise PhotoEmptyError
    if len(data) > MAX_BYTES:
        raise PhotoTooLargeError
    with _open(data) as opened:
        try:
            media_type, turn = _MEDIA_TYPES[opened.format or ""], _turn(opened)
            width, height = opened.size
            # libjpeg then decodes at 1/2, 1/4 or 1/8, never below `edge`; every scan is still read to its end.
            scale = min(1.0, edge / max(width, height))
            opened.draft("RGB", (int(width * scale), int(height * scale)))
            opened.load()
            upright = _flat(opened)
        except _FAULTS as fault:
            raise PhotoBrokenError from fault
    if turn is not None:
        upright = upright.transpose(turn)
        if turn not in _KEEPS_SIDES:
            width, height = height, width
    return Photo(data, media_type, width, height, upright)


_KEEPS_SIDES = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM)


def _open(data: bytes) -> Image.Image:
    try:
        opened = Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise PhotoTooManyPixelsError from bomb
    except _FAULTS as fault:
        if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
            raise PhotoHeicError from fault
        if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or data[8:12] == b"WEBP":
            raise PhotoBrokenError from fault
        raise PhotoFormatError from fault
    if opened.width * opened.height > MAX_PIXELS:
        raise PhotoTooManyPixelsError
    return opened


def _turn(opened: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(opened.getexif().get(_ORIENTATION, 1))
    except _FAULTS:
        return None  # damaged metadata is no reason to refuse a whole picture


def _flat(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        over = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(over, mask=over.getchannel("A"))
        return flat
    return image.convert("RGB")


def _strokes(opened: Image.Image) -> Image.Image:
    alpha = opened.convert("RGBA").getchannel("A")
    darkness = opened.convert("RGB").convert("L").point([255 - level for level in range(256)])
    lowest, _ = alpha.getextrema()
    return alpha if isinstance(lowest, int) and lowest < 128 else darkness


def _fit(image: Image.Image, edge: int) -> Image.Image:
    scale = edge / max(image.size)
    if scale >= 1:
        return image.copy()
    return image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
    )


def _jpeg(image: Image.Image, *, quality: int) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT_FILE, size)


def _wrapped(line: str, font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    """Breaks anywhere, as Chinese text may; control characters would break the drawing and are left out."""
    row = ""
    for character in filter(str.isprintable, line):
        if row and font.getlength(row + character) > width:
            yield row
            row = ""
        row += character
    if row:
        yield row
