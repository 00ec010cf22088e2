"""The head: an ellipsoid whose every pixel knows its place on face, hair, or ear side.

Places on the head are unit vectors (left, up, forward); shapes: h w the rectangle around the head.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmpose_ext.datasets.synthetic.canvas import Canvas, Part
from mmpose_ext.datasets.synthetic.material import Material
from mmpose_ext.datasets.synthetic.skeleton import Skeleton
from mmpose_ext.datasets.synthetic.wardrobe import Look

SEMI_AXES = np.array([0.078, 0.118, 0.098])  # metres: half width, half height, half depth
FACE_POINTS = {
    "nose": (0.0, -0.12, 1.17),
    "left_eye": (0.38, 0.08, 0.92),
    "right_eye": (-0.38, 0.08, 0.92),
    "left_ear": (1.03, -0.05, -0.08),
    "right_ear": (-1.03, -0.05, -0.08),
}
_SUPERSAMPLE = 3


def axes_of(skeleton: Skeleton, look: Look) -> np.ndarray:
    """Matrix (3, 3) from a place on the head to an offset in the world."""
    return skeleton.head * (SEMI_AXES * look.build.size * look.build.head)


def face_points(skeleton: Skeleton, look: Look) -> dict[str, np.ndarray]:
    """World positions of nose, eyes and ears."""
    axes = axes_of(skeleton, look)
    return {name: skeleton.joints["skull"] + axes @ np.array(place) for name, place in FACE_POINTS.items()}


def head_parts(skeleton: Skeleton, look: Look) -> list[Part]:
    """Parts that stand out of the ellipsoid: ears, nose, long hair, bun, peak of a cap."""
    axes, skull = axes_of(skeleton, look), skeleton.joints["skull"]
    k = look.build.size * look.build.head

    def part(places: list[tuple[float, float, float]], radii: list[float], material: Material) -> Part:
        points = np.stack([skull + axes @ np.array(place) for place in places])
        return Part(points, np.asarray(radii) * k, material)

    skin = Material((look.skin[0] * 0.97, look.skin[1] * 0.97, look.skin[2]))
    hair = Material(look.hair)
    parts = [part([(0.0, 0.12, 0.97), (0.0, -0.15, 1.08)], [0.009, 0.016], skin)]
    parts += [part([(s * 1.0, 0.1, -0.1), (s * 0.98, -0.2, -0.05)], [0.022, 0.014], skin) for s in (1.0, -1.0)]
    if look.cut == "long":
        fall = [(0.0, 0.55, -0.45), (0.72, -0.1, -0.4), (-0.72, -0.1, -0.4)]
        fall += [(0.7, -1.3, -0.65), (-0.7, -1.3, -0.65), (0.0, -1.6, -0.8)]
        parts.append(part(fall, [0.065, 0.042, 0.042, 0.035, 0.035, 0.03], hair))
    if look.cut == "bun":
        parts.append(part([(0.0, 0.75, -0.85)], [0.045], hair))
    if look.cut == "cap":
        peak = [(0.45, 0.5, 0.95), (-0.45, 0.5, 0.95), (0.3, 0.42, 1.6), (-0.3, 0.42, 1.6)]
        parts.append(part(peak, [0.014] * 4, look.cap))
    return parts


def draw_head(canvas: Canvas, skeleton: Skeleton, look: Look, owner: int) -> None:
    """Draw skull, face and hair cap.

    Args:
        canvas: Where to.
        skeleton: The posed skeleton in its place.
        look: Skin, hair, cut.
        owner: Number of the person.
    """
    axes, skull = axes_of(skeleton, look), skeleton.joints["skull"]
    center = canvas.camera.project(skull)
    scale = canvas.camera.focal / skull[2]
    reach = float(np.abs(axes).max()) * 1.5 * scale + 2
    limits = canvas.depth.shape[1], canvas.depth.shape[0]
    left, top = (int(max(0, np.floor(c - reach))) for c in center)
    right, bottom = (int(min(n, np.ceil(c + reach))) for c, n in zip(center, limits, strict=True))
    if right - left < 2 or bottom - top < 2:
        return
    steps = [
        (np.arange((b - a) * _SUPERSAMPLE) + 0.5) / _SUPERSAMPLE - 0.5 + a for a, b in ((left, right), (top, bottom))
    ]
    x, y = np.meshgrid((steps[0] - center[0]) / scale, (steps[1] - center[1]) / scale)
    place, depth, inside = _intersect(axes, x, y)
    normal = (place / np.sum(axes**2, axis=0) ** 0.5) @ skeleton.head.T
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    shade = 0.52 + 0.62 * np.maximum(normal @ canvas.light, 0)
    color = _paint(place, look) * shade[..., None]
    size = (right - left, bottom - top)
    alpha = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize((color * inside[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small /= np.maximum(alpha, 1e-3)[..., None]
    deep = cv2.resize(np.where(inside, depth, 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    canvas.blend(small, alpha, skull[2] + deep / np.maximum(alpha, 1e-3), (left, top), owner)


def _intersect(axes: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest point of the ellipsoid on the rays parallel to z: place (h, w, 3), depth (h, w), hit (h, w)."""
    inverse = np.linalg.inv(axes)
    base = x[..., None] * inverse[:, 0] + y[..., None] * inverse[:, 1]
    ray = inverse[:, 2]
    a, b, c = ray @ ray, base @ ray, np.sum(base**2, axis=-1) - 1
    root = b**2 - a * c
    inside = root > 0
    depth = (-b - np.sqrt(np.maximum(root, 0))) / a
    return base + depth[..., None] * ray, depth, inside


def _paint(place: np.ndarray, look: Look) -> np.ndarray:
    """Color of the places on the head, (h, w, 3) BGR."""
    left, up, ahead = place[..., 0], place[..., 1], place[..., 2]
    side = np.abs(left)
    front = ahead > 0
    color = np.empty((*left.shape, 3))
    color[:] = look.skin

    def paint(region: np.ndarray, tone: tuple[float, float, float], strength: float = 1.0) -> None:
        color[region] += strength * (np.asarray(tone) - color[region])

    def oval(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        return front & (((side - cx) / rx) ** 2 + ((up - cy) / ry) ** 2 < 1)

    dark = (0.35 * look.skin[0], 0.35 * look.skin[1], 0.35 * look.skin[2])
    paint(oval(0.45, -0.28, 0.28, 0.22), (110, 110, 220), 0.12)
    paint(oval(0.38, 0.09, 0.27, 0.2), dark, 0.25)
    if look.beard:
        paint((up < -0.33) & (ahead > -0.15), look.hair)
    paint(oval(0.38, 0.08, 0.19, 0.095), (235, 238, 240))
    paint(oval(0.38, 0.08, 0.09, 0.1), (40, 40, 45))
    paint(oval(0.4, 0.3, 0.24, 0.055), look.hair)
    paint(oval(0.0, -0.5, 0.3, 0.075), (80, 70, 150), 0.8)
    paint(oval(0.1, -0.24, 0.07, 0.04), dark, 0.8)
    if look.glasses:
        paint(oval(0.38, 0.08, 0.32, 0.24) & ~oval(0.38, 0.08, 0.26, 0.18), (30, 30, 30))
        paint(front & (side < 0.1) & (np.abs(up - 0.12) < 0.04), (30, 30, 30))
        paint((np.abs(up - 0.12) < 0.04) & (side > 0.65) & (ahead > -0.1), (30, 30, 30))
    if look.cut != "bald":
        hairline = np.interp(ahead, [-0.35, -0.1, 0.12, 0.35, 1.0], [-0.75, -0.35, 0.2, 0.5, 0.62])
        paint(up > hairline, look.hair)
    if look.cut == "cap":
        paint(up > np.interp(ahead, [-1.0, 0.4, 1.0], [0.1, 0.35, 0.48]), look.cap.base)
    return color
