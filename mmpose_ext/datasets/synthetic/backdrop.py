"""Cluttered backgrounds: outdoor or indoor planes, textures, boxes, posts, foliage."""

from __future__ import annotations

import cv2
import numpy as np

from mmpose_ext.datasets.synthetic.material import Color, hsv, sample_cloth

Rng = np.random.Generator


def noise(rng: Rng, height: int, width: int, *, cells: int = 4, octaves: int = 4) -> np.ndarray:
    """Cloudy noise.

    Args:
        rng: Source of randomness.
        height: Of the result.
        width: Of the result.
        cells: Cells of the coarsest octave.
        octaves: Number of octaves, each half as strong as the one before.

    Returns:
        (height, width) float32 around 0, mostly within -1..1.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        n = cells << octave
        grid = rng.standard_normal((n, n)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    return total * 0.5


def _tone(rng: Rng, *, vivid: float = 0.5) -> Color:
    return hsv(rng.uniform(0, 360), rng.uniform(0, vivid), rng.uniform(0.2, 0.95))


def render_backdrop(rng: Rng, height: int, width: int, horizon: float) -> np.ndarray:
    """Paint a background.

    Args:
        rng: Source of randomness.
        height: Of the image.
        width: Of the image.
        horizon: Row of the horizon.

    Returns:
        (height, width, 3) uint8 BGR.
    """
    outdoor = rng.random() < 0.55
    line = int(np.clip(horizon if outdoor else horizon + rng.uniform(0.05, 0.3) * height, 0.1 * height, 0.97 * height))
    image = np.empty((height, width, 3), np.float32)
    upper = hsv(rng.uniform(195, 225), rng.uniform(0.05, 0.6), rng.uniform(0.6, 1.0)) if outdoor else _tone(rng)
    ground = hsv(rng.choice([35, 95, 215]), rng.uniform(0.05, 0.55), rng.uniform(0.25, 0.75)) if outdoor else _tone(rng)
    fade = np.linspace(0.8, 1.1, height, dtype=np.float32)[:, None, None]
    image[:] = np.asarray(upper, np.float32)
    image[line:] = np.asarray(ground, np.float32)
    image *= fade
    image[line:] *= 1 + 0.18 * noise(rng, height - line, width, cells=8)[..., None]
    if rng.random() < 0.4:
        _floor_lines(rng, image, line, horizon)
    (_town if outdoor else _room)(rng, image, line)
    for _ in range(rng.integers(5, 18)):
        _thing(rng, image, line)
    image *= 1 + rng.uniform(0.03, 0.12) * noise(rng, height, width, cells=6, octaves=5)[..., None]
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    blur = rng.uniform(0, 2.2)
    return cv2.GaussianBlur(pixels, (0, 0), blur) if blur > 0.4 else pixels


def _floor_lines(rng: Rng, image: np.ndarray, line: int, horizon: float) -> None:
    """Lines on the ground that run towards the horizon."""
    height, width = image.shape[:2]
    tone = _tone(rng)
    vanish = (int(rng.uniform(0, width)), int(min(horizon, line)))
    for x in range(-width, 2 * width, int(rng.uniform(50, 140))):
        end = np.array([x, height])
        start = end + (np.array(vanish) - end) * (height - line) / max(height - vanish[1], 1)
        cv2.line(image, tuple(int(v) for v in start), (x, height), tone, 1, cv2.LINE_AA)


def _town(rng: Rng, image: np.ndarray, line: int) -> None:
    """Houses with windows, and trees, on the horizon."""
    width = image.shape[1]
    x = int(rng.uniform(-60, 0))
    while x < width and rng.random() < 0.85:
        w, h = int(rng.uniform(40, 160)), int(rng.uniform(0.2, 1.0) * line)
        if rng.random() < 0.6:
            tone = np.array(_tone(rng, vivid=0.35))
            cv2.rectangle(image, (x, line - h), (x + w, line), tuple(tone), -1)
            step, pane = int(rng.uniform(14, 30)), tuple(tone * rng.uniform(0.4, 0.7))
            for wy in range(line - h + 8, line - 10, step):
                for wx in range(x + 6, x + w - 8, step):
                    cv2.rectangle(image, (wx, wy), (wx + step // 2, wy + step * 2 // 3), pane, -1)
        else:
            _tree(rng, image, x + w // 2, line, h)
        x += int(w * rng.uniform(0.7, 1.4))


def _tree(rng: Rng, image: np.ndarray, x: int, foot: int, size: int) -> None:
    trunk = hsv(rng.uniform(15, 35), rng.uniform(0.2, 0.5), rng.uniform(0.15, 0.45))
    cv2.line(image, (x, foot), (x + int(rng.normal(0, 6)), foot - size // 2), trunk, max(2, size // 14), cv2.LINE_AA)
    for _ in range(14):
        leaf = hsv(rng.uniform(75, 130), rng.uniform(0.3, 0.7), rng.uniform(0.15, 0.55))
        spot = (x + int(rng.normal(0, size / 6)), foot - int(size * rng.uniform(0.45, 1.0)))
        cv2.circle(image, spot, max(3, int(size * rng.uniform(0.06, 0.16))), leaf, -1, cv2.LINE_AA)


def _room(rng: Rng, image: np.ndarray, line: int) -> None:
    """A wall with pictures, windows, shelves or tiles."""
    width = image.shape[1]
    wall = image[:line]
    if rng.random() < 0.35:
        step, tone = int(rng.uniform(12, 40)), np.array(_tone(rng))
        wall[::step] = tone
        wall[:, :: int(step * rng.uniform(0.8, 2.2))] = tone
    cv2.line(image, (0, line), (width, line), _tone(rng), int(rng.uniform(1, 8)))
    for _ in range(rng.integers(1, 6)):
        x, y = int(rng.uniform(-20, width)), int(rng.uniform(-20, line * 0.8))
        w, h = int(rng.uniform(25, 140)), int(rng.uniform(25, 120))
        cv2.rectangle(wall, (x - 3, y - 3), (x + w + 3, y + h + 3), _tone(rng), -1)
        cv2.rectangle(wall, (x, y), (x + w, y + h), _tone(rng), -1)
        if rng.random() < 0.5:
            for shelf in range(y + 8, y + h, int(rng.uniform(12, 30))):
                cv2.line(wall, (x, shelf), (x + w, shelf), _tone(rng), int(rng.uniform(1, 7)))


def _thing(rng: Rng, image: np.ndarray, line: int) -> None:
    """One object: box, post, ball, sign, or a limb-like bar in cloth colors."""
    height, width = image.shape[:2]
    x, foot = int(rng.uniform(0, width)), int(rng.uniform(line, height + 30))
    size = int(rng.uniform(15, 45) * (0.5 + 1.6 * (foot - line) / max(height - line, 1)))
    tone, shadow = np.array(sample_cloth(rng).base), 0.6
    match rng.integers(6):
        case 0:
            w = int(size * rng.uniform(0.6, 2))
            cv2.rectangle(image, (x, foot - size), (x + w, foot), tuple(tone), -1)
            cv2.rectangle(image, (x + w, foot - size), (x + w + w // 3, foot - size // 8), tuple(tone * shadow), -1)
        case 1:
            cv2.line(image, (x, foot), (x, foot - size * 5), tuple(tone), max(2, size // 7), cv2.LINE_AA)
        case 2:
            cv2.circle(image, (x, foot - size // 2), size // 2, tuple(tone), -1, cv2.LINE_AA)
            cv2.circle(image, (x - size // 8, foot - size * 5 // 8), size // 4, tuple(np.minimum(tone * 1.2, 255)), -1)
        case 3:
            y = int(rng.uniform(0, line))
            cv2.rectangle(image, (x, y), (x + 2 * size, y + size), tuple(tone), -1)
            for row in range(y + 5, y + size - 4, 9):
                cv2.line(image, (x + 4, row), (x + int(rng.uniform(10, 2 * size)), row), _tone(rng), 2)
        case 4:
            angle, length = rng.uniform(0, np.pi), size * rng.uniform(1, 3)
            end = (int(x + length * np.cos(angle)), int(foot - length * np.sin(angle)))
            cv2.line(image, (x, foot), end, tuple(tone), max(4, size // 3), cv2.LINE_AA)
        case _:
            _tree(rng, image, x, foot, 3 * size)
