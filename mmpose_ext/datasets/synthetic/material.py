"""Colors and patterns of surfaces."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Color = tuple[float, float, float]

PATTERNS = ("plain", "stripes", "bars", "check", "dots", "blocks")


@dataclass(frozen=True)
class Material:
    """A base color with a pattern in a second color.

    Attributes:
        base: BGR.
        second: BGR of the pattern.
        pattern: One of `PATTERNS`.
        period: Size of the pattern in metres.
    """

    base: Color
    second: Color = (0.0, 0.0, 0.0)
    pattern: str = "plain"
    period: float = 0.08

    def color(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Color at places of the surface.

        Args:
            along: (h, w) metres along the part's axis.
            across: (h, w) metres across.

        Returns:
            (h, w, 3) float32, or (3,) for a plain material.
        """
        base = np.asarray(self.base, np.float32)
        if self.pattern == "plain":
            return base
        weight = self._weight(along / self.period, across / self.period)
        return base + weight[..., None] * (np.asarray(self.second, np.float32) - base)

    def _weight(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Share of the second color, (h, w) in 0..1."""
        if self.pattern == "stripes":
            return np.clip(2 * np.sin(2 * np.pi * u) + 0.5, 0, 1)
        if self.pattern == "bars":
            return np.clip(2 * np.sin(2 * np.pi * v) + 0.5, 0, 1)
        if self.pattern == "check":
            return 0.5 * (np.sin(2 * np.pi * u) > 0) + 0.5 * (np.sin(2 * np.pi * v) > 0)
        if self.pattern == "dots":
            return np.clip(3 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v)) - 2.5, 0, 1)
        if self.pattern == "blocks":
            return (u > 2.0).astype(np.float32)
        raise ValueError(f"pattern has to be one of {PATTERNS}, got {self.pattern!r}")


def hsv(hue: float, saturation: float, value: float) -> Color:
    """BGR color from hue in degrees and saturation and value in 0..1."""
    pixel = np.array([[[hue % 360, saturation, value]]], np.float32)
    blue, green, red = cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0] * 255
    return float(blue), float(green), float(red)


def sample_cloth(rng: np.random.Generator, *, dark: bool = False) -> Material:
    """Draw a garment's material.

    Args:
        rng: Source of randomness.
        dark: Prefer dark and blue colors, as trousers have.

    Returns:
        The material.
    """

    def tone() -> Color:
        grey = rng.random() < 0.35
        hue = rng.normal(215, 20) if dark and rng.random() < 0.5 else rng.uniform(0, 360)
        value = rng.uniform(0.12, 0.6) if dark and rng.random() < 0.75 else rng.uniform(0.2, 1.0)
        return hsv(hue, rng.uniform(0, 0.12) if grey else rng.uniform(0.2, 0.9), value)

    pattern = rng.choice(
        PATTERNS, p=[0.85, 0.03, 0.02, 0.06, 0.02, 0.02] if dark else [0.5, 0.16, 0.06, 0.12, 0.06, 0.1]
    )
    return Material(tone(), tone(), str(pattern), float(rng.uniform(0.035, 0.14)))
