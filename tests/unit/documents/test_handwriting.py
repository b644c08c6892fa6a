"""Handwriting: ink is needed, and nothing but ink is kept."""

from __future__ import annotations

import base64
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from cases.photo import HandwritingRefusedError
from inspection.signing import read_handwriting
from tests.unit.documents.sheets import encoded, handwriting


def data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def pad(width: int = 600, height: int = 240) -> Image.Image:
    return Image.new("RGBA", (width, height), (0, 0, 0, 0))


def tap() -> Image.Image:
    image = pad()
    ImageDraw.Draw(image).ellipse((300, 120, 310, 130), fill="black")
    return image


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "an empty pad": (data_url(encoded(pad(), "PNG")), "handwriting-empty"),
    "a white pad": (data_url(encoded(Image.new("RGB", (600, 240), "white"), "PNG")), "handwriting-empty"),
    "a black pad": (data_url(encoded(Image.new("RGB", (600, 240), "black"), "PNG")), "handwriting-empty"),
    "a tap": (data_url(encoded(tap(), "PNG")), "handwriting-empty"),
    "a photo": ("data:image/jpeg;base64,AAAA", "handwriting-unusable"),
    "broken base64": ("data:image/png;base64,@@@", "handwriting-unusable"),
    "no picture": (b"ink", "handwriting-unusable"),
    "nothing": (b"", "handwriting-unusable"),
    "half a picture": (handwriting()[:400], "handwriting-unusable"),
    "more than 200 kB": (handwriting() + bytes(200_000), "handwriting-unusable"),
    "a very long text": ("data:image/png;base64," + "A" * 300_000, "handwriting-unusable"),
    "a pad of 5000 pixels": (encoded(pad(5000, 20), "PNG"), "handwriting-unusable"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_handwriting_is_refused(name: str) -> None:
    drawn, code = REFUSED[name]
    with pytest.raises(HandwritingRefusedError) as refused:
        read_handwriting(drawn)
    assert refused.value.code == code and "请" in refused.value.zh


@pytest.mark.parametrize("transparent", [True, False])
def test_ink_on_clear_or_white_ground_becomes_the_same_black_on_white(transparent: bool) -> None:
    ink = Image.open(BytesIO(read_handwriting(data_url(handwriting(transparent=transparent)))))
    assert ink.format == "PNG" and ink.mode == "L"
    assert ink.width < 600 and ink.height < 240, "cropped to the strokes"
    assert ink.getpixel((0, 0)) == 255
    lowest, _ = ink.getextrema()
    assert isinstance(lowest, int) and lowest < 60


def test_nothing_written_into_the_file_beside_the_ink_is_kept() -> None:
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Comment", "device 42")
    image = Image.open(BytesIO(handwriting()))
    assert b"device 42" not in read_handwriting(encoded(image, "PNG", pnginfo=notes))
