"""Images of every kind that is read, and of every kind that is refused with its name and the reason."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmpose_ext.image_file import UnreadableImage, image_size, read_image

PIXELS = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8), (9, 9), 3)


def encoded(kind: str, *, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[..., ::-1].copy()).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded("JPEG", exif=exif)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" * 1000)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def sixteen(ending: str) -> bytes:
    return cv2.imencode(ending, PIXELS.astype(np.uint16) * 257)[1].tobytes()


READABLE = {
    "a.jpg": encoded("JPEG", quality=95),
    "progressive.jpg": encoded("JPEG", quality=95, progressive=True),
    "cmyk.jpg": encoded("JPEG", mode="CMYK", quality=95),
    "followed.jpg": encoded("JPEG", quality=95) + b"\0" * 100,
    "png.jpg": encoded("PNG"),
    "alpha.png": encoded("PNG", mode="RGBA"),
    "16.png": sixteen(".png"),
    "16.tif": sixteen(".tif"),
    "a.bmp": encoded("BMP"),
    "a.webp": encoded("WEBP", lossless=True),
}


def test_what_is_read(tmp_path: Path) -> None:
    for name, data in READABLE.items():
        (tmp_path / name).write_bytes(data)
        image = read_image(tmp_path / name)
        assert image.dtype == np.uint8 and np.abs(image.astype(int) - PIXELS).mean() < 4, name
        assert image_size(tmp_path / name) == (60, 40)
    (tmp_path / "gray.png").write_bytes(encoded("PNG", mode="L"))
    assert read_image(tmp_path / "gray.png").shape == (40, 60, 3)
    (tmp_path / "turned.jpg").write_bytes(turned())
    assert read_image(tmp_path / "turned.jpg").shape == (60, 40, 3) and image_size(tmp_path / "turned.jpg") == (40, 60)
    for name in ("turned.png", "turned.webp"):  # as OpenCV does, whose versions differ
        Image.open(tmp_path / "turned.jpg").save(tmp_path / name, exif=Image.open(tmp_path / "turned.jpg").getexif())
        assert image_size(tmp_path / name) == read_image(tmp_path / name).shape[1::-1]
    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    assert read_image(tmp_path / "one.png").shape == (1, 1, 3)


REFUSED = {
    "empty.jpg": (b"", "is empty"),
    "text.jpg": (b"not an image", "is no image that can be read"),
    "a.gif": (encoded("GIF"), "is no image that can be read"),
    "bomb.png": (bomb(40_000, 40_000), "too large an image|has 40000x40000 pixels"),
    "long.png": (bomb(60_000, 10), "has 60000x10 pixels, expected at most 134217728 and no side longer than 32766"),
    "short.png": (bomb(600, 600), "can't be decoded"),
}


def test_what_is_refused(tmp_path: Path, capfd) -> None:
    cut = {name: (data[: len(data) // 2], "can't be decoded") for name, data in READABLE.items() if "16.t" not in name}
    for name, (data, reason) in {**REFUSED, **{f"cut-{name}": value for name, value in cut.items()}}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableImage, match=f"{name} .*({reason})"):
            read_image(tmp_path / name)
        if name != "short.png":  # complete by its last bytes
            with pytest.raises(UnreadableImage, match=name):
                image_size(tmp_path / name)
    assert "cv2" not in capfd.readouterr().err


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    names = ("folder.jpg", "link.jpg", "loop.jpg", "pipe.jpg", "missing.jpg", "n\0ul.jpg", "x" * 300)
    reasons = ("folder", "link to", "link", "regular", "no file", "no file|can't be read", "can't be read|no file")
    for name, reason in zip(names, reasons, strict=True):
        with pytest.raises(UnreadableImage, match=reason):
            read_image(tmp_path / name)
