"""Photos: what is refused and with which sentence, and what of a photo never leaves with it."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from cases.photo import PhotoRefusedError, read_photo, watermark
from tests.unit.documents.sheets import encoded, picture

ORIENTATION, GPS, MAKE, DESCRIPTION = 0x0112, 0x8825, 0x010F, 0x010E


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def phone_photo(orientation: int = 1) -> bytes:
    """A photo as a phone takes it: position, make and a description beside the picture."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE], exif[DESCRIPTION] = orientation, "SecretPhone", "taken at home"
    exif.get_ifd(GPS).update({1: "N", 2: (36.0, 4.0, 1.5), 3: "E", 4: (120.0, 22.0, 58.5)})
    return encoded(picture(), exif=exif)


def png_bomb(width: int, height: int) -> bytes:
    """A few bytes that claim to be a very large picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


REFUSED = {
    "an empty file": (b"", "photo-empty"),
    "a photo of 40 MB": (encoded(picture(64, 64)) + bytes(40 * 1024 * 1024), "photo-too-large"),
    "a text that says it is a photo": (b"hello, I am a photo", "photo-format"),
    "a page with a script": (b"<html><script>alert(1)</script></html>", "photo-format"),
    "a drawing in SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "photo-format"),
    "a program in PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "photo-format"),
    "a GIF": (encoded(picture(64, 64), "GIF"), "photo-format"),
    "a HEIC photo of an iPhone": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "photo-heic"),
    "a bomb of 144 million pixels": (png_bomb(12_000, 12_000), "photo-too-many-pixels"),
    "a bomb of 70 million pixels": (png_bomb(10_000, 7_000), "photo-too-many-pixels"),
    "a bomb of 10 thousand million pixels": (png_bomb(100_000, 100_000), "photo-too-many-pixels"),
    "half a JPEG": (encoded(picture())[:3000], "photo-broken"),
    "the first bytes of a JPEG": (b"\xff\xd8\xff\xe0", "photo-broken"),
    "half a PNG": (encoded(picture(), "PNG")[:900], "photo-broken"),
    "half a WEBP": (encoded(picture(), "WEBP")[:500], "photo-broken"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_usable_photo_is_refused_with_a_sentence_that_says_what_to_do(name: str) -> None:
    data, code = REFUSED[name]
    with pytest.raises(PhotoRefusedError) as refused:
        read_photo(data)
    assert refused.value.code == code
    assert "请" in refused.value.zh and refused.value.en
    assert refused.value.kind == "invalid"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_three_formats_of_phones_are_accepted_by_their_content(form: str) -> None:
    photo = read_photo(encoded(picture(), form))
    assert (photo.media_type, photo.width, photo.height) == (f"image/{form.lower()}", 960, 540)


def test_position_and_everything_else_beside_the_picture_is_gone() -> None:
    data = phone_photo()
    assert opened(data).getexif().get_ifd(GPS)
    photo = read_photo(data)
    for derived in (photo.display(), photo.thumbnail(), watermark(data, ["2026-11-20"])):
        image = opened(derived)
        assert not image.getexif() and not image.info.get("exif") and not image.info.get("xmp")
        assert b"SecretPhone" not in derived and b"taken at home" not in derived
    assert photo.original == data


def test_a_script_appended_to_a_photo_does_not_survive_the_encoding() -> None:
    photo = read_photo(encoded(picture()) + b"<script>alert(1)</script>")
    assert b"<script>" not in photo.display() + photo.thumbnail()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_held_upright_whatever_way_the_phone_was(orientation: int) -> None:
    # A mark in the upper left corner, laid down as a camera held that way would have stored it.
    upright = picture(400, 200, (90, 120, 140))
    upright.paste((255, 0, 0), (0, 0, 60, 60))
    t = Image.Transpose
    stored_by = {2: t.FLIP_LEFT_RIGHT, 3: t.ROTATE_180, 4: t.FLIP_TOP_BOTTOM, 5: t.TRANSPOSE, 6: t.ROTATE_90,
                 7: t.TRANSVERSE, 8: t.ROTATE_270}  # fmt: skip
    stored = upright.transpose(stored_by[orientation]) if orientation in stored_by else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    photo = read_photo(encoded(stored, exif=exif))
    red, green, blue = _pixel(opened(photo.display()), 20, 20)
    assert (photo.width, photo.height) == (400, 200)
    assert red > 200 and green < 60 and blue < 60


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says so and goes on
def test_damaged_metadata_does_not_refuse_a_good_picture() -> None:
    assert read_photo(encoded(picture(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")).width == 960


def test_a_large_photo_is_shown_at_most_1600_pixels_wide_and_its_thumbnail_320() -> None:
    photo = read_photo(encoded(picture(4000, 3000)))
    assert (photo.width, photo.height) == (4000, 3000)
    assert opened(photo.display()).size == (1600, 1200)
    thumbnail = opened(photo.thumbnail())
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (320, 240))


def test_a_transparent_picture_is_laid_on_white() -> None:
    data = encoded(Image.new("RGBA", (80, 80), (0, 0, 0, 0)), "PNG")
    assert _pixel(opened(read_photo(data).display()), 40, 40) == (255, 255, 255)


@pytest.mark.parametrize("ground", ["white", "black", "#7f7f7f"])
def test_a_watermark_is_readable_on_light_and_on_dark(ground: str) -> None:
    data = encoded(Image.new("RGB", (960, 540), ground))
    marked = opened(watermark(data, ["2026-11-20 10:03:43", "青岛市示例街 12 号", "PB-1"])).convert("L")
    band = marked.crop((0, 440, 480, 540))
    lightest, darkest = max(band.get_flattened_data()), min(band.get_flattened_data())
    assert isinstance(lightest, int) and isinstance(darkest, int)
    assert lightest > 230 and darkest < 60
    assert marked.getpixel((950, 20)) == Image.new("RGB", (1, 1), ground).convert("L").getpixel((0, 0))


def test_a_long_place_is_wrapped_inside_the_picture() -> None:
    short = opened(watermark(encoded(picture(400, 300)), ["青岛"]))
    long = opened(watermark(encoded(picture(400, 300)), ["青岛市市南区香港中路示例街" * 6]))
    assert short.size == long.size == (400, 300)
    assert _pixel(short, 4, 250) == (255, 255, 255)
    assert _pixel(long, 4, 250) != (255, 255, 255)


def test_a_still_keeps_its_size_up_to_2560_pixels() -> None:
    assert opened(watermark(encoded(picture(1280, 720)), ["x"])).size == (1280, 720)
    assert opened(watermark(encoded(picture(720, 5120)), ["x"])).size == (360, 2560)


def _pixel(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    value = image.convert("RGB").getpixel((x, y))
    assert isinstance(value, tuple)
    return tuple(int(part) for part in value)
