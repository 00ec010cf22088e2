"""A small software renderer: convex parts with round shading into an image with a depth buffer.

Every part is the convex hull of a few spheres. Its silhouette is filled with anti-aliased edges, its thickness is
guessed from the distance to the silhouette, and that gives both the shading and the depth of each pixel, so parts of
one or several figures hide each other as solid bodies do.

Shapes: H W the image, h w the part's bounding rectangle, N spheres of a part.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmpose_ext.datasets.synthetic.material import Material

_CIRCLE = np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)], axis=1)
_SHIFT = 4


@dataclass(frozen=True)
class Camera:
    """Pinhole camera: focal length and principal point in pixels."""

    focal: float
    center: tuple[float, float]

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) -> pixels (..., 2)."""
        return points[..., :2] * (self.focal / points[..., 2:3]) + np.asarray(self.center)


@dataclass
class Part:
    """Hull of spheres; the first and the last sphere span its axis.

    Attributes:
        points: Centers (N, 3) in the world.
        radii: Radii (N,) in metres.
        material: Color and pattern.
        bulge: How far the surface stands out towards the camera, as a share of the radius.
    """

    points: np.ndarray
    radii: np.ndarray
    material: Material
    bulge: float = 1.0


class Canvas:
    """Image, depth and owner of every pixel.

    Args:
        image: Background (H, W, 3) uint8, BGR.
        camera: The camera.
        light: Direction towards the light (3,) in the world.
        grain: Low-frequency texture (H, W) around 1 that breaks up flat colors.
    """

    def __init__(self, image: np.ndarray, camera: Camera, *, light: np.ndarray, grain: np.ndarray) -> None:
        self.image = image.astype(np.float32)
        self.camera = camera
        self.light = light / np.linalg.norm(light)
        self.grain = grain
        self.depth: np.ndarray = np.full(image.shape[:2], np.inf, np.float32)
        self.owner = np.zeros(image.shape[:2], np.int16)

    def draw(self, part: Part, owner: int) -> None:
        """Draw one part.

        Args:
            part: The part.
            owner: Number written where the part is the nearest thing.
        """
        centers = self.camera.project(part.points)
        radii = part.radii * self.camera.focal / part.points[:, 2]
        rim = (centers[:, None] + _CIRCLE * radii[:, None, None]).reshape(-1, 2)
        window = self._window(rim)
        if window is None:
            return
        left, top, right, bottom = window
        mask = np.zeros((bottom - top, right - left), np.uint8)
        hull = cv2.convexHull(rim.astype(np.float32))[:, 0]
        polygon = np.round((hull - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(mask, polygon, (255,), cv2.LINE_AA, _SHIFT)
        if not mask.any():
            return
        shade, height = self._shade(mask, float(radii.max()))
        along, across, depth = self._coordinates(part, centers, radii, window)
        depth -= part.bulge * float(part.radii.max()) * height
        color = part.material.color(along, across) * (shade * self.grain[top:bottom, left:right])[..., None]
        self.blend(color, mask.astype(np.float32) / 255, depth, (left, top), owner)

    def blend(
        self, color: np.ndarray, alpha: np.ndarray, depth: np.ndarray, corner: tuple[int, int], owner: int
    ) -> None:
        """Put a rectangle of pixels into the image where it is nearer than what is there.

        Args:
            color: (h, w, 3) BGR.
            alpha: (h, w) in 0..1.
            depth: (h, w) in metres.
            corner: Left and top of the rectangle, inside the image.
            owner: Number of the owner.
        """
        h, w = alpha.shape
        place = np.s_[corner[1] : corner[1] + h, corner[0] : corner[0] + w]
        alpha = alpha * (depth < self.depth[place])
        self.image[place] += (color - self.image[place]) * alpha[..., None]
        solid = alpha > 0.5
        self.depth[place][solid] = depth[solid]
        self.owner[place][solid] = owner

    def _window(self, rim: np.ndarray) -> tuple[int, int, int, int] | None:
        height, width = self.depth.shape
        left, top = np.maximum(np.floor(rim.min(axis=0)).astype(int) - 1, 0)
        right, bottom = np.minimum(np.ceil(rim.max(axis=0)).astype(int) + 2, (width, height))
        return (int(left), int(top), int(right), int(bottom)) if right - left > 1 and bottom - top > 1 else None

    def _shade(self, mask: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
        """Brightness and height (0 at the rim, 1 in the middle) of a round body with this silhouette."""
        padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        distance = cv2.distanceTransform((padded > 127).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        smooth = max(3, int(0.4 * radius) | 1)  # the jagged edge of the mask would show as ribs
        distance = cv2.blur(distance, (smooth, smooth))
        outward = 1 - np.clip(distance[1:-1, 1:-1] / max(0.92 * radius, 1.0), 0, 1)
        height = np.sqrt(1 - outward**2)
        slope_x = (distance[1:-1, 2:] - distance[1:-1, :-2]) * 0.5
        slope_y = (distance[2:, 1:-1] - distance[:-2, 1:-1]) * 0.5
        facing = -outward * (slope_x * self.light[0] + slope_y * self.light[1]) - height * self.light[2]
        return 0.50 + 0.62 * np.maximum(facing, 0) + 0.06 * height, height

    def _coordinates(
        self, part: Part, centers: np.ndarray, radii: np.ndarray, window: tuple[int, int, int, int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place along and across the axis in metres, and the depth of the axis, for every pixel."""
        left, top, right, bottom = window
        y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
        x -= centers[0, 0]
        y -= centers[0, 1]
        axis = centers[-1] - centers[0]
        length = max(float(np.hypot(*axis)), 1e-3)
        ux, uy = (float(a) for a in axis / length)
        along, across = x * ux + y * uy, y * ux - x * uy
        share = np.clip(along / max(length, 0.2 * float(radii.max())), 0, 1)
        depth = part.points[0, 2] + share * float(part.points[-1, 2] - part.points[0, 2])
        metres = float(part.points[:, 2].mean()) / self.camera.focal
        return along * metres, across * metres, depth.astype(np.float32)
