"""A hundred image files of all kinds: good ones of rare kinds, and broken ones. All are made here, from one seed."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

__all__ = ["BrokenImage", "images"]

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp", "TIFF": ".tif"}


class BrokenImage(NamedTuple):
    """One file."""

    name: str
    content: bytes | None
    """None for what is no regular file: see :func:`write`."""
    good: bool
    """Whether it has pixels to use; then it must be used, else refused."""

    def write(self, folder: Path) -> Path:
        """Put it into a folder, which exists."""
        path = folder / self.name
        if self.content is not None:
            path.write_bytes(self.content)
        elif "folder" in self.name:
            path.mkdir()
        elif "pipe" in self.name:
            os.mkfifo(path)
        elif "missing" not in self.name:
            path.symlink_to(path.name if "loop" in self.name else "nowhere.jpg")
        return path


def _pixels(rng: random.Random, height: int = 48, width: int = 64) -> np.ndarray:
    noise = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (5, 5), 2)


def _encoded(pixels: np.ndarray, kind: str, *, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _turned(pixels: np.ndarray, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _encoded(pixels, "JPEG", exif=exif)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, *, body: bytes = b"\0" * 1000) -> bytes:
    """A PNG of a few bytes whose header promises many pixels."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(body)) + _chunk(b"IEND", b"")


def _bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(info), 0, 0, 54) + info


def _big_jpeg(pixels: np.ndarray) -> bytes:
    """A JPEG whose header says 65500 x 65500."""
    data = bytearray(_encoded(pixels, "JPEG"))
    where = data.index(b"\xff\xc0")
    data[where + 5 : where + 9] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def _good(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    pixels = _pixels(rng)
    for kind in FORMATS:
        yield f"plain{SUFFIXES[kind]}", _encoded(pixels, kind)
        yield f"wrong-suffix-{kind}{SUFFIXES[FORMATS[FORMATS.index(kind) - 1]]}", _encoded(pixels, kind)
    for orientation in range(1, 9):
        yield f"turned-{orientation}.jpg", _turned(pixels, orientation)
    yield "turned-9.jpg", _turned(pixels, 9)
    for mode, kind in (("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP")):
        yield f"mode-{mode}{SUFFIXES[kind]}", _encoded(pixels, kind, mode=mode)
    yield "cmyk.jpg", _encoded(pixels, "JPEG", mode="CMYK")
    yield "gray.jpg", _encoded(pixels, "JPEG", mode="L")
    yield "progressive.jpg", _encoded(pixels, "JPEG", progressive=True)
    for ending in (".png", ".tif"):
        yield f"16-bit{ending}", cv2.imencode(ending, pixels.astype(np.uint16) * 257)[1].tobytes()
        yield f"16-bit-gray{ending}", cv2.imencode(ending, pixels[..., 0].astype(np.uint16) * 257)[1].tobytes()
    for height, width in ((1, 1), (1, 300), (300, 1), (2, 3)):
        yield f"{width}x{height}.png", _encoded(_pixels(rng, height, width), "PNG")
        yield f"{width}x{height}.jpg", _encoded(_pixels(rng, height, width), "JPEG")
    yield "followed.jpg", _encoded(pixels, "JPEG") + b"\0" * 500
    yield "name with spaces and ümlaut.png", _encoded(pixels, "PNG")


def _broken(rng: random.Random) -> Iterator[tuple[str, bytes | None]]:
    pixels = _pixels(rng)
    for kind in FORMATS:
        data = _encoded(pixels, kind)
        for share in (0.02, 0.3, 0.6, 0.95):
            yield f"cut-{share}{SUFFIXES[kind]}", data[: int(share * len(data))]
        yield f"empty{SUFFIXES[kind]}", b""
    yield "text.jpg", b"not an image"
    yield "html.png", b"<html><body>404</body></html>"
    yield "animation.jpg", _encoded(pixels, "GIF")
    yield "zero.png", b"\0" * 4096
    yield "only-header.png", b"\x89PNG\r\n\x1a\n"
    yield "only-start.jpg", b"\xff\xd8\xff\xe0"
    yield "only-ends.jpg", b"\xff\xd8\xff\xd9"
    yield "bomb.png", _png(40_000, 40_000)
    yield "long.png", _png(60_000, 10)
    yield "no-pixels.png", _png(0, 0)
    yield "few-rows.png", _png(600, 600)
    yield "bomb.bmp", _bmp(30_000, 30_000)
    yield "bomb.jpg", _big_jpeg(pixels)
    yield "svg.png", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield "pickle.jpg", b"cposix\nsystem\n(S'true'\ntR."
    for name in ("folder.jpg", "link.jpg", "loop.jpg", "pipe.jpg", "missing.jpg"):
        yield name, None


def images(*, seed: int = 0, number: int = 100) -> list[BrokenImage]:
    """The files.

    Args:
        seed: Seed of pixels and of the places where files are cut.
        number: How many; those beyond the listed kinds are cut at random places.
    """
    rng = random.Random(seed)
    found = [BrokenImage(name, content, True) for name, content in _good(rng)]
    found += [BrokenImage(name, content, False) for name, content in _broken(rng)]
    while len(found) < number:
        kind = rng.choice(FORMATS[:2])
        data = _encoded(_pixels(rng), kind)
        found.append(BrokenImage(f"random-{len(found)}{SUFFIXES[kind]}", data[: rng.randrange(len(data) - 20)], False))
    return found if number >= len(found) else rng.sample(found, number)
