import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backoffice.kit.errors import Invalid
from backoffice.kit.pictures import LARGEST, harmless_name, remake

PLACE = {1: "N", 2: (31.0, 13.0, 48.0), 3: "E", 4: (121.0, 28.0, 12.0)}


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **options)
    return out.getvalue()


def moving(kind: str, frames: int = 4, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    shown = [Image.new("RGB", size, (60 * number % 256, 0, 0)) for number in range(frames)]
    out = io.BytesIO()
    shown[0].save(out, kind, save_all=True, append_images=shown[1:], **options)
    return out.getvalue()


def read(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (picture("JPEG"), "image/jpeg"),
        (picture("JPEG", "CMYK"), "image/jpeg"),
        (picture("PNG", "P"), "image/png"),
        (picture("PNG", "I;16"), "image/png"),
        (picture("WEBP"), "image/jpeg"),
        (picture("WEBP", "RGBA"), "image/png"),
        (picture("GIF", "P"), "image/png"),
        (moving("GIF"), "image/gif"),
        (moving("WEBP"), "image/gif"),
    ],
)
def test_the_bytes_say_what_it_is(content: bytes, media_type: str) -> None:
    made = remake(content)
    assert (made.media_type, made.width, made.height) == (media_type, 60, 40)
    assert read(made.content).size == (60, 40)
    assert read(made.thumbnail).format == "WEBP"


def test_nothing_but_pixels_is_kept_and_it_stands_upright() -> None:
    about = Image.Exif()
    about[0x0112], about[0x010F], about[0x8825] = 6, "SECRETCAM", PLACE
    made = remake(picture("JPEG", exif=about, comment=b"SECRET NOTE"))
    assert (made.width, made.height) == (40, 60)
    assert not read(made.content).getexif()
    assert b"SECRET" not in made.content + made.thumbnail
    made = remake(moving("GIF", comment=b"SECRET NOTE") + b"SECRET TAIL")
    assert b"SECRET" not in made.content + made.thumbnail


def test_what_moves_goes_on_moving() -> None:
    made = read(remake(moving("GIF", duration=[100, 200, 300, 400])).content)
    assert isinstance(made.n_frames, int)
    shown = []
    for frame in range(made.n_frames):
        made.seek(frame)
        shown.append(made.info["duration"])
    assert shown == [100, 200, 300, 400]


def test_a_thumbnail_is_at_most_320_wide_and_high() -> None:
    assert read(remake(picture("JPEG", size=(1600, 400))).thumbnail).size == (320, 80)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8" + b"\x00" * LARGEST,
        picture("PNG", "1", (6000, 6000)),
        moving("GIF", frames=300, size=(300, 300)),
    ],
    ids=["bytes", "pixels", "frames"],
)
def test_a_bomb_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match="picture_too_large"):
        remake(content)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>", picture("BMP"), picture("JPEG")[:60]])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match="not_a_picture"):
        remake(content)


@given(st.data())
def test_damage_is_refused_or_repaired(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([picture("JPEG"), picture("PNG"), moving("GIF")])))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Invalid):
        assert remake(bytes(content)).content


@given(st.text())
def test_a_name_does_no_harm(name: str) -> None:
    shown = harmless_name(name, "image/png")
    assert shown.endswith(".png")
    assert len(shown) <= 120
    assert shown.isprintable()
    assert not set(shown) & set('/\\<>:"|?*')
    assert not shown.startswith(".")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\me\\照片 1.HEIC", "照片 1.jpg"),
        ("photo\u202egpj.exe", "photogpj.jpg"),
        ("", "picture.jpg"),
    ],
)
def test_a_name_keeps_what_people_read(name: str, shown: str) -> None:
    assert harmless_name(name, "image/jpeg") == shown
