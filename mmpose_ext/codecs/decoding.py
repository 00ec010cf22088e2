"""Heatmaps of a whole batch to coordinates, the same to the last bit as MMPose gets them one map at a time.

Every function states which one of `mmpose.codecs.utils` it stands for. Two facts make them fast: OpenCV blurs all
maps of a person at once if zeros lie between them, and only the pixels around a maximum need normalization and
logarithm. The results stay equal because every single number goes through the same operations at the same precision.

Shapes: B batch, K keypoints, H W heatmap, M = B * K; coordinates are (x, y) in pixels of the heatmap.

The results equal MMPose's; the methods are UDP's (CVPR 2020) and DARK's (CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

__all__ = ["Blurred", "heatmap_maximum", "shift_quarter", "taylor_dark", "taylor_udp"]

_SCALAR = (np.float32(1) * 0.5).dtype
"""What a single number of float32 becomes when it meets a Python number: float64 before NumPy 2, float32 since."""


def heatmap_maximum(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position and value of each maximum; stands for ``get_heatmap_maximum``.

    Args:
        heatmaps: (B, K, H, W).

    Returns:
        Positions (B, K, 2) in float32, (-1, -1) where nothing is above zero, and values (B, K).
    """
    *batch, height, width = heatmaps.shape
    flat = heatmaps.reshape(-1, height * width)
    best = np.argmax(flat, axis=1)
    values = flat[np.arange(len(flat)), best]
    positions = np.stack((best % width, best // width), axis=-1).astype(np.float32)
    positions[values <= 0.0] = -1
    return positions.reshape(*batch, 2), values.reshape(batch)


def shift_quarter(positions: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """A quarter of a pixel towards the higher neighbor on each axis; stands for ``refine_keypoints``.

    Args:
        positions: (B, K, 2), maxima.
        heatmaps: (B, K, H, W).
    """
    *_, height, width = heatmaps.shape
    maps = heatmaps.reshape(-1, height, width)
    x, y = positions.reshape(-1, 2).astype(int).T
    along_x = (1 < x) & (x < width - 1) & (0 < y) & (y < height)
    along_y = (1 < y) & (y < height - 1) & (0 < x) & (x < width)
    steps = np.zeros((len(maps), 2), dtype=maps.dtype)
    for axis, inside, (dx, dy) in ((0, along_x, (1, 0)), (1, along_y, (0, 1))):
        (m,) = np.nonzero(inside)
        steps[m, axis] = maps[m, y[m] + dy, x[m] + dx] - maps[m, y[m] - dy, x[m] - dx]
    return positions + np.sign(steps, dtype=np.float32).reshape(positions.shape) * 0.25


class Blurred:
    """Heatmaps after DARK's modulation: blurred with zeros around, each brought back to its old maximum.

    Stands for ``gaussian_blur``. The blur is done for all pixels, the rest where a pixel is asked for.

    Args:
        heatmaps: (M, H, W) in float32.
        kernel: Width of the Gaussian kernel, odd.
        maxima: (M,), the maxima of the maps.
        chunk: How many maps are blurred in one call; more than fit into a core's cache are slower.
    """

    def __init__(self, heatmaps: np.ndarray, kernel: int, maxima: np.ndarray, *, chunk: int = 17) -> None:
        number, height, width = heatmaps.shape
        border, chunk = (kernel - 1) // 2, min(chunk, number)
        self.shape = (height, width)
        self._maps = np.empty_like(heatmaps)
        strip = np.zeros((height + 2 * border, chunk * (width + border) + border), dtype=np.float32)
        blurred = np.empty_like(strip)
        inside, result = (_inside(image, border, chunk, self.shape) for image in (strip, blurred))
        for start in range(0, number, chunk):
            part = heatmaps[start : start + chunk]
            inside[: len(part)] = part
            cv2.GaussianBlur(strip, (kernel, kernel), 0, dst=blurred)
            self._maps[start : start + chunk] = result[: len(part)]
        with np.errstate(invalid="ignore", divide="ignore"):  # a map of zeros; MMPose warns and goes on as well
            self._factors = maxima / self._maps.reshape(number, -1).max(axis=1)

    def at(self, m: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values at pixels.

        Args:
            m: Numbers of maps.
            y: Rows, as many.
            x: Columns, as many.
        """
        return self._maps[m, y, x] * self._factors[m]


def _inside(strip: np.ndarray, border: int, number: int, shape: tuple[int, int]) -> np.ndarray:
    """The maps (M, H, W) that stand side by side in a strip, with a border around and between them."""
    height, width = shape
    blocks = strip[border : border + height, border:].reshape(height, number, width + border)
    return blocks[..., :width].swapaxes(0, 1)


def taylor_dark(positions: np.ndarray, blurred: Blurred) -> np.ndarray:
    """One Newton step on the logarithm, with differences over two pixels; stands for ``refine_keypoints_dark``.

    Args:
        positions: (B, K, 2), maxima; those within two pixels of the edge stay.
        blurred: The M modulated maps.
    """
    height, width = blurred.shape
    x, y = positions.reshape(-1, 2).astype(int).T
    (m,) = np.nonzero((1 < x) & (x < width - 2) & (1 < y) & (y < height - 2))
    x, y = x[m], y[m]

    def log_at(dx: int, dy: int) -> np.ndarray:
        return np.log(np.maximum(blurred.at(m, y + dy, x + dx), 1e-10))

    def single(difference: np.ndarray) -> np.ndarray:
        return difference.astype(_SCALAR)

    twice = 2 * single(log_at(0, 0))
    dx = 0.5 * single(log_at(1, 0) - log_at(-1, 0))
    dy = 0.5 * single(log_at(0, 1) - log_at(0, -1))
    dxx = 0.25 * (log_at(2, 0) - twice + log_at(-2, 0))
    dyy = 0.25 * (log_at(0, 2) - twice + log_at(0, -2))
    dxy = 0.25 * single(log_at(1, 1) - log_at(1, -1) - log_at(-1, 1) + log_at(-1, -1))
    regular = dxx * dyy - dxy**2 != 0
    hessian = np.stack([dxx, dxy, dxy, dyy], axis=-1)[regular].reshape(-1, 2, 2)
    gradient = np.stack([dx, dy], axis=-1)[regular].reshape(-1, 2, 1)
    refined = positions.reshape(-1, 2).copy()
    refined[m[regular]] += (-np.linalg.inv(hessian) @ gradient)[..., 0]
    return refined.reshape(positions.shape)


def taylor_udp(positions: np.ndarray, blurred: Blurred) -> np.ndarray:
    """One Newton step on the logarithm, with differences over one pixel; stands for ``refine_keypoints_dark_udp``.

    Pixels outside a map repeat its edge. A point that was not found stands at (-1, -1), whose neighbors MMPose reads
    from the end of the map before, or of the last one of the person; so does this.

    Args:
        positions: (B, K, 2), maxima.
        blurred: The M modulated maps, of B persons.
    """
    keypoints = positions.shape[1]
    height, width = blurred.shape
    row, size = width + 2, (width + 2) * (height + 2)  # of a map with its edge repeated once on each side
    x, y = positions.reshape(-1, 2).astype(int).T
    person, k = np.divmod(np.arange(len(x)), keypoints)
    center = x + 1 + (y + 1) * row + k * size

    def log_at(step: int) -> np.ndarray:
        index, inner = np.divmod((center + step) % (keypoints * size), size)
        pixel_y, pixel_x = (np.clip(v - 1, 0, n - 1) for v, n in zip(np.divmod(inner, row), blurred.shape, strict=True))
        return np.log(np.clip(blurred.at(person * keypoints + index, pixel_y, pixel_x), 1e-3, 50.0))

    here, right, left, below, above = (log_at(step) for step in (0, 1, -1, row, -row))
    gradient = np.stack([0.5 * (right - left), 0.5 * (below - above)], axis=-1)[..., None]
    dxx = right - 2 * here + left
    dyy = below - 2 * here + above
    dxy = 0.5 * (log_at(row + 1) - right - below + here + here - left - above + log_at(-row - 1))
    hessian = np.stack([dxx, dxy, dxy, dyy], axis=-1).reshape(-1, 2, 2)
    inverse = np.linalg.inv(hessian + np.finfo(np.float32).eps * np.eye(2))
    step = np.einsum("imn,ink->imk", inverse, gradient)[..., 0].reshape(positions.shape)
    refined = positions.copy()
    refined -= step
    return refined


def offsets_at(positions: np.ndarray, offsets: Sequence[np.ndarray]) -> np.ndarray:
    """Values of the offset maps at positions, as ``UDPHeatmap.decode`` looks them up.

    Args:
        positions: (B, K, 2), maxima. A point that was not found stands at (-1, -1) and reads the map before its own,
            or the last one of the person, as in MMPose.
        offsets: Maps of x and of y, each (B, K, H, W).

    Returns:
        Offsets (B, K, 2).
    """
    batch, keypoints, height, width = offsets[0].shape
    x, y = positions.astype(int).transpose(2, 0, 1)  # (B, K) each
    pixel = (x + y * width + width * height * np.arange(keypoints)) % (keypoints * height * width)
    return np.stack([np.take_along_axis(o.reshape(batch, -1), pixel, axis=1) for o in offsets], axis=-1)
