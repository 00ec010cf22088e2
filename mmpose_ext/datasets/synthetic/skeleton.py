"""The 3D skeleton: limb lengths, joint angles and forward kinematics.

A figure's own frame is right-handed: x to the figure's left, y up, z forward. The world is the camera's: x to the
right, y down, z away from the camera. Lengths are metres for a person of 1.7 m, angles are degrees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

KEYPOINT_NAMES = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""COCO's 17 keypoints in COCO's order."""

_TO_WORLD = np.diag([1.0, -1.0, -1.0])  # facing the camera: own left is the image's right


@dataclass
class Pose:
    """Joint angles in degrees; every entry of a limb is (left, right).

    Attributes:
        yaw: Direction of the whole body; 0 faces the camera, 90 shows the figure's right side.
        root: Forward lean and sideways lean of the whole body.
        spine: Forward bend, sideways bend and twist of the chest against the pelvis.
        head: Nod, sideways tilt and turn of the head against the chest.
        shoulder: Flexion, abduction and inward rotation of the upper arms.
        elbow: Flexion of the elbows.
        hip: Flexion and abduction of the thighs.
        knee: Flexion of the knees.
        seated: Height of the seat under the pelvis or None.
    """

    yaw: float = 0.0
    root: tuple[float, float] = (0.0, 0.0)
    spine: tuple[float, float, float] = (0.0, 0.0, 0.0)
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shoulder: list[tuple[float, float, float]] = field(default_factory=lambda: [(0.0, 8.0, 20.0), (0.0, 8.0, 20.0)])
    elbow: list[float] = field(default_factory=lambda: [10.0, 10.0])
    hip: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 3.0), (0.0, 3.0)])
    knee: list[float] = field(default_factory=lambda: [3.0, 3.0])
    seated: bool = False

    def mirrored(self) -> Pose:
        """Exchange left and right (the yaw stays: it is drawn independently)."""
        lean, side = self.root
        bend, tilt, twist = self.spine
        nod, roll, turn = self.head
        return Pose(
            self.yaw,
            (lean, -side),
            (bend, -tilt, -twist),
            (nod, -roll, -turn),
            self.shoulder[::-1],
            self.elbow[::-1],
            self.hip[::-1],
            self.knee[::-1],
            self.seated,
        )


@dataclass(frozen=True)
class Build:
    """Proportions of one person.

    Attributes:
        size: Overall factor on all lengths.
        girth: Factor on all thicknesses.
        shoulders: Half distance of the shoulder joints.
        hips: Half distance of the hip joints.
        head: Factor on the head, larger for children.
        leg: Factor on the legs, smaller for children.
    """

    size: float = 1.0
    girth: float = 1.0
    shoulders: float = 0.18
    hips: float = 0.10
    head: float = 1.0
    leg: float = 1.0


class Skeleton(NamedTuple):
    """Joints of a posed figure in world orientation, pelvis at the origin.

    Attributes:
        joints: Name -> position (3,).
        chest: Axes of the chest as columns (left, up, forward).
        pelvis: Axes of the pelvis as columns.
        head: Axes of the head as columns.
    """

    joints: dict[str, np.ndarray]
    chest: np.ndarray
    pelvis: np.ndarray
    head: np.ndarray


def rotation(axis: int, degrees: float) -> np.ndarray:
    """Right-handed rotation about one axis.

    Args:
        axis: 0, 1 or 2.
        degrees: The angle.

    Returns:
        Matrix (3, 3).
    """
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def _bend(forward: float, sideways: float, twist: float) -> np.ndarray:
    return rotation(1, twist) @ rotation(2, -sideways) @ rotation(0, forward)


def articulate(pose: Pose, build: Build) -> Skeleton:
    """Forward kinematics.

    Args:
        pose: Joint angles.
        build: Proportions.

    Returns:
        The joints with the pelvis at the origin.
    """
    k = build.size
    down, up, ahead = np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    pelvis = _TO_WORLD @ rotation(1, pose.yaw) @ rotation(2, pose.root[1]) @ rotation(0, pose.root[0])
    chest = pelvis @ _bend(*pose.spine)
    half = pelvis @ _bend(*(0.5 * a for a in pose.spine))
    head = chest @ _bend(*pose.head)
    joints = {"pelvis": np.zeros(3), "waist": half @ up * (0.20 * k)}
    joints["neck"] = joints["waist"] + chest @ up * (0.30 * k)
    joints["skull"] = joints["neck"] + chest @ up * (0.06 * k) + head @ (up * 0.115 + ahead * 0.025) * (k * build.head)
    for i, (side, sign) in enumerate((("left", 1.0), ("right", -1.0))):
        flex, abduct, inward = pose.shoulder[i]
        shoulder = joints["neck"] + chest @ np.array([sign * build.shoulders, -0.05, 0.0]) * k
        upper = chest @ rotation(2, sign * abduct) @ rotation(0, -flex) @ rotation(1, -sign * inward)
        elbow = shoulder + upper @ down * (0.285 * k)
        fore = upper @ rotation(0, -pose.elbow[i])
        wrist = elbow + fore @ down * (0.25 * k)
        hip_flex, hip_abduct = pose.hip[i]
        hip = pelvis @ np.array([sign * build.hips, -0.02, 0.0]) * k
        thigh = pelvis @ rotation(2, sign * hip_abduct) @ rotation(0, -hip_flex)
        knee = hip + thigh @ down * (0.42 * k * build.leg)
        shin = thigh @ rotation(0, pose.knee[i])
        ankle = knee + shin @ down * (0.41 * k * build.leg)
        joints |= {
            f"{side}_shoulder": shoulder,
            f"{side}_elbow": elbow,
            f"{side}_wrist": wrist,
            f"{side}_hand": wrist + fore @ (down * 0.15 + ahead * 0.02) * k,
            f"{side}_hip": hip,
            f"{side}_knee": knee,
            f"{side}_ankle": ankle,
            f"{side}_heel": ankle + shin @ (down * 0.06 - ahead * 0.04) * k,
            f"{side}_toe": ankle + shin @ (down * 0.075 + ahead * 0.16) * k,
        }
    return Skeleton(joints, chest, pelvis, head)
