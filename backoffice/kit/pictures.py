"""Pictures from strangers, made again from their pixels: nothing else that was in the file is kept."""

import io
import re
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps, ImageSequence

from backoffice.kit.errors import Invalid

LARGEST = 5 * 1024 * 1024
"""Bytes of a picture as it comes in."""
MOST_PIXELS = 25_000_000
"""Width by height, and by frames of what moves."""
LONGEST_SIDE = 4096
THUMBNAIL = (320, 320)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
SRGB = ImageCms.createProfile("sRGB")
FRAME_MS = 100
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif"}
LONGEST_STEM = 110


@dataclass(frozen=True)
class Picture:
    """`content` is a JPEG, PNG or GIF of these pixels, `thumbnail` a WebP of at most 320 by 320."""

    content: bytes
    thumbnail: bytes
    media_type: str
    width: int
    height: int


def remake(content: bytes) -> Picture:
    """A JPEG, PNG, WebP or GIF, judged by its bytes, upright, in sRGB, without metadata; GIFs go on moving.

    Takes up to a second of one core. Raises `Invalid` (`picture_too_large`: bytes or pixels; or
    `not_a_picture`).
    """
    if len(content) > LARGEST:
        raise Invalid("picture_too_large", f"at most {LARGEST >> 20} MiB")
    try:
        return remade(content)
    except Invalid:
        raise
    except Exception as error:  # a decoder fed by a stranger may raise anything
        raise Invalid("not_a_picture", "a JPEG, PNG, WebP or GIF is wanted") from error


def remade(content: bytes) -> Picture:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        require_pixels(image.width * image.height)
        source = image.format or ""
        if source in ("GIF", "WEBP") and len(frames := moving(image)) > 1:
            return Picture(
                encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0, disposal=2),
                thumbnail(frames[0]),
                MEDIA_TYPES["GIF"],
                *frames[0].size,
            )
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        still = upright(image)
        kind = "PNG" if source in ("PNG", "GIF") or still.mode == "RGBA" else "JPEG"
        quality = {"quality": 88} if kind == "JPEG" else {}
        return Picture(encoded(still, kind, **quality), thumbnail(still), MEDIA_TYPES[kind], *still.size)


def require_pixels(count: int) -> None:
    """Raises `Invalid` (`picture_too_large`)."""
    if count > MOST_PIXELS:
        raise Invalid("picture_too_large", f"at most {MOST_PIXELS:,} pixels")


def upright(image: Image.Image) -> Image.Image:
    turned = plain(in_srgb(ImageOps.exif_transpose(image)))
    turned.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return turned


def in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        with suppress(ImageCms.PyCMSError, OSError):
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, own, SRGB, outputMode="RGB") or image
    return image


def plain(image: Image.Image) -> Image.Image:
    """A copy in RGB or RGBA without anything beside the pixels."""
    copy = image.convert("RGBA" if image.has_transparency_data else "RGB")
    copy.info = {}
    return copy


def moving(image: Image.Image) -> list[Image.Image]:
    """The frames, each with how long it stands, as far as the pixels are allowed. Raises `Invalid`."""
    frames = []
    for number, frame in enumerate(ImageSequence.Iterator(image), 1):
        require_pixels(number * image.width * image.height)
        shown = plain(frame)
        shown.info = {"duration": int(frame.info.get("duration") or FRAME_MS)}
        frames.append(shown)
    return frames


def thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail(THUMBNAIL)
    small.info = {}
    return encoded(small, "WEBP", quality=78)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def harmless_name(name: str, media_type: str) -> str:
    """A picture's name as it may be shown and offered for saving: no path, no marks that steer, and the
    ending that its type has; at most 120 characters.
    """
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(mark for mark in last if mark.isprintable() and mark not in '<>:"|?*')
    stem = re.sub(r"\.\w{1,10}$", "", seen).strip(" .")[:LONGEST_STEM]
    return f"{stem or 'picture'}.{SUFFIXES[media_type]}"
