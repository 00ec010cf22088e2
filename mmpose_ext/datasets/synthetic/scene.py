"""One image: a camera, a backdrop, persons on common ground, things in front of them, and the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from mmpose_ext.datasets.synthetic.backdrop import noise, render_backdrop
from mmpose_ext.datasets.synthetic.canvas import Camera, Canvas, Part
from mmpose_ext.datasets.synthetic.figure import body_parts
from mmpose_ext.datasets.synthetic.head import axes_of, draw_head, face_points, head_parts
from mmpose_ext.datasets.synthetic.material import sample_cloth
from mmpose_ext.datasets.synthetic.poses import sample_pose
from mmpose_ext.datasets.synthetic.skeleton import KEYPOINT_NAMES, Skeleton, articulate
from mmpose_ext.datasets.synthetic.wardrobe import Look, sample_look

PROP = -1
"""Owner number of things that are no person."""

_SIZES = ((320, 240), (240, 320), (320, 320), (400, 300), (300, 400), (256, 384), (384, 256))
_SLACK = {"shoulder": 0.13, "elbow": 0.09, "wrist": 0.07, "hip": 0.17, "knee": 0.12, "ankle": 0.09}
_MIN_LABELLED, _MIN_PIXELS, _ATTEMPTS = 5, 500, 200


class Label(NamedTuple):
    """Annotation of one person.

    Attributes:
        keypoints: (17, 3) x, y and COCO's visibility.
        box: x, y, width, height of the visible pixels.
        area: Number of visible pixels.
    """

    keypoints: np.ndarray
    box: tuple[float, float, float, float]
    area: float


@dataclass(frozen=True)
class Person:
    """A person in its place in the world."""

    skeleton: Skeleton
    look: Look
    seated: bool


def render_scene(rng: np.random.Generator, num_persons: int) -> tuple[np.ndarray, list[Label]]:
    """Render an image in which every person shows enough to be labeled.

    Args:
        rng: Source of randomness.
        num_persons: Number of persons.

    Returns:
        The image (H, W, 3) uint8 BGR and one label per person.
    """
    for _ in range(_ATTEMPTS):
        image, labels = _attempt(rng, num_persons)
        if all(_enough(label) for label in labels):
            return image, labels
    raise RuntimeError(f"no acceptable scene with {num_persons} persons in {_ATTEMPTS} attempts")


def _enough(label: Label) -> bool:
    return int((label.keypoints[:, 2] > 1).sum()) >= _MIN_LABELLED and label.area >= _MIN_PIXELS


def _attempt(rng: np.random.Generator, num_persons: int) -> tuple[np.ndarray, list[Label]]:
    width, height = _SIZES[rng.integers(len(_SIZES))]
    eye = rng.uniform(0.7, 2.2)  # height of the camera over the ground
    focal = 1.25 * max(width, height)
    near = focal * 1.7 / (height * rng.uniform(0.65, 1.15))  # depth at which a person fills that share of the image
    foot = height * (rng.uniform(0.86, 1.0) if rng.random() < 0.7 else rng.uniform(1.0, 1.35))
    camera = Camera(focal, (width / 2, foot - focal * eye / near))
    canvas = Canvas(
        render_backdrop(rng, height, width, camera.center[1]),
        camera,
        light=np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.9, -0.2), rng.uniform(-1.0, -0.35)]),
        grain=1 + 0.13 * noise(rng, height, width, cells=10, octaves=3),
    )
    persons = _cast(rng, num_persons, camera, (width, height), eye=eye, near=near)
    for person in persons:
        _shadow(canvas, person, eye)
    for number, person in enumerate(persons, start=1):
        _draw_person(rng, canvas, person, number)
    for _ in range(rng.choice(4, p=[0.5, 0.3, 0.15, 0.05])):
        _draw_prop(rng, canvas, persons[rng.integers(num_persons)], eye)
    labels = [_label(canvas, person, number) for number, person in enumerate(persons, start=1)]
    return _develop(rng, canvas.image), labels


def _cast(
    rng: np.random.Generator, number: int, camera: Camera, size: tuple[int, int], *, eye: float, near: float
) -> list[Person]:
    """Draw persons and put them on the ground, some close to each other."""
    persons: list[Person] = []
    columns = rng.permutation(number)
    for index in range(number):
        look, pose = sample_look(rng), sample_pose(rng)
        skeleton = articulate(pose, look.build)
        depth = near * rng.uniform(0.95, 1.25 if number == 1 else 1.7)
        column = (columns[index] + rng.uniform(0.15, 0.85)) / number if number > 1 else rng.uniform(0.25, 0.75)
        column = 0.5 + (column - 0.5) * rng.uniform(0.5, 1.1)
        points = np.stack(list(skeleton.joints.values()))
        place = np.array(
            [(column * size[0] - camera.center[0]) * depth / camera.focal, eye - points[:, 1].max() - 0.04, depth]
        )
        joints = {name: point + place for name, point in skeleton.joints.items()}
        persons.append(Person(skeleton._replace(joints=joints), look, pose.seated))
    return persons


def _shadow(canvas: Canvas, person: Person, eye: float) -> None:
    """Darken the ground under a person."""
    joints = person.skeleton.joints
    center = canvas.camera.project(np.array([joints["pelvis"][0], eye, joints["pelvis"][2]]))
    radius = 0.32 * canvas.camera.focal / joints["pelvis"][2]
    mask = np.zeros(canvas.depth.shape, np.float32)
    spot = (int(center[0]), int(center[1]))
    cv2.ellipse(mask, spot, (int(radius * 1.3), int(max(3.0, radius * 0.35))), 0, 0, 360, (0.5,), -1)
    blurred = cv2.blur(mask, (int(radius / 3) | 1, int(radius / 6) | 1))
    canvas.image *= (1 - blurred)[..., None]


def _draw_person(rng: np.random.Generator, canvas: Canvas, person: Person, number: int) -> None:
    parts = body_parts(person.skeleton, person.look) + head_parts(person.skeleton, person.look)
    for part in sorted(parts, key=lambda part: -float(part.points[:, 2].mean())):
        canvas.draw(part, number)
    draw_head(canvas, person.skeleton, person.look, number)
    if person.seated:
        _draw_seat(rng, canvas, person)


def _draw_seat(rng: np.random.Generator, canvas: Canvas, person: Person) -> None:
    """A stool, a chair or a block under a seated person."""
    joints, pelvis = person.skeleton.joints, person.skeleton.pelvis
    material, k = sample_cloth(rng, dark=True), person.look.build.size
    ground = max(joints[f"{side}_{end}"][1] for side in ("left", "right") for end in ("heel", "toe"))
    ahead = pelvis[:, 2] * np.array([1.0, 0.0, 1.0])
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
    aside = np.array([-ahead[2], 0.0, ahead[0]])
    seat = joints["pelvis"] + np.array([0.0, (0.09 + 0.11 * person.look.build.girth) * k, 0.0])
    corners = [seat + (0.2 * s * aside + a * ahead) * k for a in (0.24, -0.18) for s in (1, -1)]
    parts = [Part(np.stack(corners), np.full(4, 0.03), material)]
    for corner in corners:
        parts.append(Part(np.stack([corner, np.array([corner[0], ground, corner[2]])]), np.full(2, 0.022), material))
    if rng.random() < 0.5:
        back = [corner - np.array([0, rise * k, 0]) for corner in corners[2:] for rise in (0.0, 0.5)]
        parts.append(Part(np.stack(back), np.full(4, 0.02), material))
    for part in sorted(parts, key=lambda part: -float(part.points[:, 2].mean())):
        canvas.draw(part, PROP)


def _draw_prop(rng: np.random.Generator, canvas: Canvas, person: Person, eye: float) -> None:
    """Something between the camera and a person: box, post, board, ball or bush."""
    base = person.skeleton.joints["pelvis"]
    x, z = base[0] + rng.normal(0, 0.35), base[2] - rng.uniform(0.45, 0.8)
    material = sample_cloth(rng)

    def part(points: list[tuple[float, float, float]], radii: list[float]) -> Part:
        return Part(np.array(points), np.array(radii), material, 0.3)

    match rng.integers(5):
        case 0:
            w, h = rng.uniform(0.15, 0.45), rng.uniform(0.25, 0.85)
            parts = [part([(x - w, eye - h, z), (x + w, eye - h, z), (x - w, eye, z), (x + w, eye, z)], [0.02] * 4)]
        case 1:
            parts = [part([(x, eye - rng.uniform(1.2, 3.0), z), (x, eye, z)], [rng.uniform(0.03, 0.07)] * 2)]
        case 2:
            y, w = eye - rng.uniform(0.5, 1.0), rng.uniform(0.4, 1.2)
            parts = [part([(x - w, y, z), (x + w, y + rng.normal(0, 0.05), z)], [rng.uniform(0.03, 0.1)] * 2)]
            parts += [part([(x + s * w, y, z), (x + s * w, eye, z)], [0.025] * 2) for s in (-1, 1)]
        case 3:
            r = rng.uniform(0.1, 0.25)
            parts = [part([(x, eye - rng.uniform(r, 1.4), z)], [r])]
        case _:
            spots = rng.normal(0, 1, (9, 3)) * (0.22, 0.16, 0.05) + (x, eye - 0.25, z)
            parts = [Part(spot[None], np.array([rng.uniform(0.07, 0.16)]), material, 0.3) for spot in spots]
    for piece in parts:
        if piece.points[:, 2].min() > 0.4:
            canvas.draw(piece, PROP)


def _label(canvas: Canvas, person: Person, number: int) -> Label:
    """Labels from what the depth buffer says is seen."""
    height, width = canvas.depth.shape
    points = {name: (point, _SLACK.get(name.split("_")[-1], 0.0)) for name, point in person.skeleton.joints.items()}
    axes = axes_of(person.skeleton, person.look)
    outward = {}
    for name, point in face_points(person.skeleton, person.look).items():
        offset = np.linalg.inv(axes) @ (point - person.skeleton.joints["skull"])
        outward[name] = float((np.linalg.inv(axes).T @ offset)[2])
        points[name] = (point, 0.035)
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3))
    for row, name in enumerate(KEYPOINT_NAMES):
        point, slack = points[name]
        x, y = canvas.camera.project(point)
        if not (0 <= x < width and 0 <= y < height) or outward.get(name, -1.0) > 0:  # outside, or on the far side
            continue
        slack *= person.look.build.size * person.look.build.girth
        column, line = min(int(round(x)), width - 1), min(int(round(y)), height - 1)
        mine = canvas.owner[line, column] in (number, 0)
        seen = canvas.depth[line, column] >= point[2] - (slack if mine else 0.0)
        keypoints[row] = (round(float(x), 2), round(float(y), 2), 2 if seen else 1)
    rows, columns = np.nonzero(canvas.owner == number)
    if not len(rows):
        return Label(keypoints, (0.0, 0.0, 0.0, 0.0), 0.0)
    left, top = int(columns.min()), int(rows.min())
    box = (float(left), float(top), float(columns.max() + 1 - left), float(rows.max() + 1 - top))
    return Label(keypoints, box, float(len(rows)))


def _develop(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What a cheap camera adds: color cast, contrast, blur, grain."""
    height, width = image.shape[:2]
    image = image * rng.normal(1.0, 0.05, 3).astype(np.float32) * rng.uniform(0.8, 1.15)
    if rng.random() < 0.5:
        blur = rng.uniform(0.3, 1.0)
        image = cv2.GaussianBlur(image, (0, 0), blur)
    image = image + rng.standard_normal((height, width, 1), np.float32) * rng.uniform(0.5, 4.0)
    return np.clip(image, 0, 255).astype(np.uint8)
