"""Dresses a skeleton: which parts a person consists of."""

from __future__ import annotations

import numpy as np

from mmpose_ext.datasets.synthetic.canvas import Part
from mmpose_ext.datasets.synthetic.material import Material
from mmpose_ext.datasets.synthetic.skeleton import Skeleton
from mmpose_ext.datasets.synthetic.wardrobe import Look

SIDES = ("left", "right")


def body_parts(skeleton: Skeleton, look: Look) -> list[Part]:
    """All parts of a person except the head.

    Args:
        skeleton: The posed skeleton, already in its place in the world.
        look: Build and clothes.

    Returns:
        The parts, in no order.
    """
    parts = [*_torso(skeleton, look)]
    for index, side in enumerate(SIDES):
        parts += _arm(skeleton, look, side) + _leg(skeleton, look, side, 1.0 - 2.0 * index)
    if look.lower in ("skirt", "dress"):
        parts.append(_skirt(skeleton, look))
    return parts


def _hull(points: list[np.ndarray], radii: list[float], look: Look, material: Material, *, bulge: float = 1.0) -> Part:
    scale = look.build.size * look.build.girth
    return Part(np.stack(points), np.asarray(radii) * scale, material, bulge)


def _torso(skeleton: Skeleton, look: Look) -> list[Part]:
    joints, k = skeleton.joints, look.build.size
    chest, pelvis = skeleton.chest, skeleton.pelvis
    neck, waist, root = joints["neck"], joints["waist"], joints["pelvis"]
    half = look.build.shoulders * k

    def at(base: np.ndarray, axes: np.ndarray, left: float, up: float, ahead: float) -> np.ndarray:
        return base + axes @ np.array([left, up * k, ahead * k])

    upper = [at(neck, chest, 0, -0.02, -0.01)]
    radii = [0.055]
    for sign in (1, -1):
        upper += [at(neck, chest, sign * 0.82 * half, -0.05, 0), at(neck, chest, sign * 0.6 * half, -0.17, 0.035)]
        upper += [at(waist, chest, sign * 0.42 * half, 0.04, 0.02)]
        radii += [0.055, 0.075, 0.075]
    upper += [at(neck, chest, 0, -0.15, -0.05), waist]
    radii += [0.075, 0.095]
    hips = [at(waist, chest, 0, 0.03, 0.01)]
    hip_radii = [0.1]
    for sign in (1, -1):
        hips += [at(root, pelvis, sign * look.build.hips * k, 0.06, -0.01)]
        hips += [at(root, pelvis, sign * 0.8 * look.build.hips * k, -0.03, -0.03)]
        hip_radii += [0.085, 0.085]
    hips.append(at(root, pelvis, 0, 0.02, 0))
    hip_radii.append(0.1)
    seat = [at(root, pelvis, 0, 0.05, 0), *(joints[f"{side}_hip"] for side in SIDES), at(root, pelvis, 0, -0.03, 0)]
    skin = Material(look.skin)
    parts = [
        _hull(upper, radii, look, look.top, bulge=0.5),
        _hull(hips, hip_radii, look, look.top, bulge=0.5),
        _hull(seat, [0.1, 0.09, 0.09, 0.09], look, look.bottom, bulge=0.2),
        _hull([neck - 0.03 * k * chest[:, 1], joints["skull"]], [0.055, 0.05], look, skin),
    ]
    if look.bag is not None:
        corners = [at(neck, chest, s * 0.5 * half, up, -0.2) for up in (-0.1, -0.42) for s in (1, -1)]
        parts.append(_hull(corners, [0.09, 0.09, 0.1, 0.1], look, look.bag, bulge=0.6))
        for sign in (1, -1):  # straps in front
            strap = [at(neck, chest, sign * 0.55 * half, 0.01, 0.02), at(neck, chest, sign * 0.6 * half, -0.24, 0.125)]
            parts.append(_hull(strap, [0.018, 0.018], look, look.bag))
    return parts


def _arm(skeleton: Skeleton, look: Look, side: str) -> list[Part]:
    shoulder, elbow, wrist, hand = (
        skeleton.joints[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand")
    )
    skin = Material(look.skin)
    knuckles = wrist + 0.62 * (hand - wrist)
    parts = [
        _hull([shoulder, elbow], [0.055, 0.042], look, skin),
        _hull([elbow, wrist], [0.042, 0.028], look, skin),
        _hull([wrist, knuckles, hand], [0.026, 0.04, 0.022], look, skin),
    ]
    if look.sleeve > 0:
        end = shoulder + min(1.0, 2 * look.sleeve) * (elbow - shoulder)
        parts.append(_hull([shoulder, end], [0.061, 0.053], look, look.top))
    if look.sleeve > 0.5:
        end = elbow + (2 * look.sleeve - 1) * 0.97 * (wrist - elbow)
        parts.append(_hull([elbow, end], [0.053, 0.04], look, look.top))
    return parts


def _leg(skeleton: Skeleton, look: Look, side: str, sign: float) -> list[Part]:
    names = ("hip", "knee", "ankle", "heel", "toe")
    hip, knee, ankle, heel, toe = (skeleton.joints[f"{side}_{name}"] for name in names)
    skin = Material(look.skin)
    ball = heel + 0.7 * (toe - heel) + sign * 0.01 * skeleton.pelvis[:, 0]
    parts = [
        _hull([hip, knee], [0.088, 0.06], look, skin),
        _hull([knee, 0.72 * knee + 0.28 * ankle, ankle], [0.058, 0.062, 0.038], look, skin),
        _hull([heel, ball, toe], [0.042, 0.044, 0.034], look, look.shoe),
        _hull([ankle, heel], [0.045, 0.042], look, look.shoe),
    ]
    if look.lower in ("trousers", "shorts"):
        end = hip + min(1.0, 2 * look.leg) * (knee - hip)
        parts.append(_hull([hip, end], [0.098, 0.098 - 0.028 * min(1.0, 2 * look.leg)], look, look.bottom))
        if look.leg > 0.5:
            end = knee + (2 * look.leg - 1) * 0.97 * (ankle - knee)
            parts.append(_hull([knee, end], [0.071, 0.071 - 0.014 * (2 * look.leg - 1)], look, look.bottom))
    return parts


def _skirt(skeleton: Skeleton, look: Look) -> Part:
    joints, k = skeleton.joints, look.build.size
    points = [joints["pelvis"] + 0.08 * k * skeleton.pelvis[:, 1]]
    radii = [0.1]
    for side, sign in zip(SIDES, (1, -1), strict=True):
        hip, knee = joints[f"{side}_hip"], joints[f"{side}_knee"]
        hem = hip + 2 * look.leg * (knee - hip) if look.leg < 0.5 else knee
        points += [hip, hem + sign * 0.05 * k * skeleton.pelvis[:, 0]]
        radii += [0.1, 0.1]
    points.append(0.5 * (points[2] + points[4]))
    radii.append(0.1)
    return _hull(points, radii, look, look.bottom, bulge=1.5)
