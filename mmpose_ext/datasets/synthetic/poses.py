"""Priors of joint angles: each function draws one kind of pose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmpose_ext.datasets.synthetic.skeleton import Pose

Rng = np.random.Generator


def _idle_arms(rng: Rng, pose: Pose) -> None:
    """Arms independent of each other: hanging, bent, on the hip, crossed in front, at the head, raised."""
    for i in range(2):
        kind = rng.choice(6, p=[0.34, 0.22, 0.12, 0.12, 0.08, 0.12])
        flex, abduct, inward, elbow = (
            (rng.normal(0, 10), rng.uniform(4, 18), rng.uniform(0, 60), rng.uniform(3, 30)),
            (rng.normal(10, 15), rng.uniform(2, 25), rng.uniform(0, 50), rng.uniform(50, 120)),
            (rng.normal(-15, 8), rng.uniform(35, 55), rng.uniform(60, 85), rng.uniform(80, 110)),
            (rng.normal(25, 10), rng.uniform(2, 15), rng.uniform(60, 90), rng.uniform(80, 115)),
            (rng.uniform(50, 110), rng.uniform(10, 50), rng.uniform(-10, 40), rng.uniform(110, 145)),
            (rng.uniform(40, 100), rng.uniform(-5, 70), rng.uniform(-30, 30), rng.uniform(0, 50)),
        )[kind]
        pose.shoulder[i] = (flex, abduct, inward)
        pose.elbow[i] = elbow


def standing(rng: Rng) -> Pose:
    """Upright, weight on one or both legs, arms anywhere."""
    pose = Pose(spine=(rng.normal(3, 6), rng.normal(0, 5), rng.normal(0, 10)))
    pose.hip = [(rng.normal(0, 6), rng.uniform(0, 14)) for _ in range(2)]
    pose.knee = [abs(rng.normal(0, 8)) for _ in range(2)]
    _idle_arms(rng, pose)
    return pose


def walking(rng: Rng) -> Pose:
    """One leg ahead, arms swinging against the legs; large steps run."""
    stride, run = rng.uniform(12, 45), rng.random() < 0.4
    lift = rng.uniform(40, 100) if run else rng.uniform(5, 40)
    swing, bend = stride * rng.uniform(0.4, 1.2), rng.uniform(60, 110) if run else rng.uniform(5, 40)
    pose = Pose(root=(rng.uniform(2, 18) if run else rng.normal(3, 3), 0.0), spine=(rng.normal(3, 4), 0, swing * 0.3))
    pose.hip = [(stride, rng.uniform(0, 5)), (-0.6 * stride, rng.uniform(0, 5))]
    pose.knee = [rng.uniform(3, 30 + 50 * run), lift]
    pose.shoulder = [(-swing, rng.uniform(4, 20), rng.uniform(0, 30)), (swing, rng.uniform(4, 20), rng.uniform(0, 30))]
    pose.elbow = [bend * rng.uniform(0.7, 1.2), bend * rng.uniform(0.7, 1.2)]
    return pose


def sitting(rng: Rng) -> Pose:
    """On a seat, legs ahead or crossed, hands in the lap or busy."""
    pose = Pose(seated=True, root=(rng.normal(-5, 8), 0.0), spine=(rng.normal(12, 12), rng.normal(0, 5), 0.0))
    pose.hip = [(rng.uniform(70, 100), rng.uniform(-4, 28)) for _ in range(2)]
    pose.knee = [rng.uniform(50, 115) for _ in range(2)]
    _idle_arms(rng, pose)
    if rng.random() < 0.6:
        pose.shoulder = [(rng.uniform(15, 55), rng.uniform(0, 20), rng.uniform(20, 60)) for _ in range(2)]
        pose.elbow = [rng.uniform(40, 100) for _ in range(2)]
    return pose


def squatting(rng: Rng) -> Pose:
    """Crouched with strongly bent knees."""
    depth = rng.uniform(50, 120)
    pose = Pose(root=(rng.uniform(5, 30), 0.0), spine=(rng.uniform(5, 35), 0.0, rng.normal(0, 8)))
    pose.hip = [(depth + rng.normal(0, 8), rng.uniform(5, 30)) for _ in range(2)]
    pose.knee = [depth * 1.1 + rng.normal(0, 8) for _ in range(2)]
    pose.shoulder = [(rng.uniform(20, 90), rng.uniform(0, 30), rng.uniform(0, 40)) for _ in range(2)]
    pose.elbow = [rng.uniform(5, 110) for _ in range(2)]
    return pose


def bending(rng: Rng) -> Pose:
    """Bent forward at hip and spine, reaching down."""
    lean = rng.uniform(25, 60)
    pose = Pose(root=(lean, 0.0), spine=(rng.uniform(15, 50), rng.normal(0, 6), rng.normal(0, 12)))
    pose.hip = [(lean + rng.uniform(-5, 25), rng.uniform(0, 18)) for _ in range(2)]
    pose.knee = [rng.uniform(0, 40) for _ in range(2)]
    pose.shoulder = [(rng.uniform(30, 110), rng.uniform(0, 25), rng.uniform(0, 30)) for _ in range(2)]
    pose.elbow = [rng.uniform(0, 70) for _ in range(2)]
    return pose


def arms_up(rng: Rng) -> Pose:
    """One or both arms over the head, jumping at times."""
    pose = standing(rng)
    for i in range(1 + (rng.random() < 0.7)):
        pose.shoulder[i] = (rng.uniform(130, 185), rng.uniform(-5, 45), rng.uniform(-40, 40))
        pose.elbow[i] = rng.uniform(0, 80)
    if rng.random() < 0.3:
        pose.hip = [(rng.uniform(-10, 50), rng.uniform(5, 35)) for _ in range(2)]
        pose.knee = [rng.uniform(0, 90) for _ in range(2)]
    return pose


def sport(rng: Rng) -> Pose:
    """Lunges, kicks, throws and stretches with wide angles."""
    pose = Pose(
        root=(rng.normal(8, 15), rng.normal(0, 12)), spine=(rng.normal(8, 15), rng.normal(0, 12), rng.normal(0, 25))
    )
    pose.hip = [(rng.uniform(20, 95), rng.uniform(0, 40)), (rng.uniform(-35, 20), rng.uniform(0, 30))]
    pose.knee = [rng.uniform(0, 100), rng.uniform(0, 80)]
    pose.shoulder = [(rng.uniform(-60, 170), rng.uniform(0, 90), rng.uniform(-40, 60)) for _ in range(2)]
    pose.elbow = [rng.uniform(0, 120) for _ in range(2)]
    return pose


KINDS: tuple[tuple[Callable[[Rng], Pose], float], ...] = (
    (standing, 0.34),
    (walking, 0.20),
    (sitting, 0.14),
    (squatting, 0.06),
    (bending, 0.06),
    (arms_up, 0.09),
    (sport, 0.11),
)
"""The kinds with their shares."""


def sample_pose(rng: Rng) -> Pose:
    """Draw a pose of any kind, its direction, and where the head looks.

    Args:
        rng: Source of randomness.

    Returns:
        The pose.
    """
    kind = KINDS[rng.choice(len(KINDS), p=[share for _, share in KINDS])][0]
    pose = kind(rng)
    pose.head = (rng.normal(3, 10), rng.normal(0, 7), float(np.clip(rng.normal(0, 28), -70, 70)))
    if rng.random() < 0.5:
        pose = pose.mirrored()
    facing = rng.choice([0.0, 180.0, 90.0, -90.0], p=[0.48, 0.18, 0.17, 0.17])
    pose.yaw = float(facing + rng.normal(0, 28))
    pose.root = (pose.root[0], pose.root[1] + rng.normal(0, 2.5))
    return pose
