"""Draws a network's view of persons over images, one sheet for each or one of all poses: ``mmpose-ext visualize``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import nn

from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.visualization import Panel, Sample, panels_of
from mmpose_ext.toolbox.visualization.drawing import sheet, write_image
from mmpose_ext.toolbox.visualization.topdown import Box, TopdownReader

__all__ = ["SUFFIXES", "Persons", "draw_poses", "visualize"]

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})


class Persons(NamedTuple):
    """Persons in images."""

    images: Sequence[str | Path]
    """Files, or folders of images."""
    boxes: Sequence[Box] | None = None
    """x, y, width and height in pixels of each person, the same in every image; None for the whole image."""
    annotations: str | Path | None = None
    """COCO-style file with the boxes, by file name; not together with ``boxes``."""
    limit: int | None = None
    """Stop after this number of persons; None for all."""


class _Person(NamedTuple):
    """A person to draw."""

    image: Path
    number: int
    """Within the image."""
    box: Box | None


class _Seen(NamedTuple):
    """One person and what the network makes of it."""

    config: str
    """Short name."""
    person: str
    """Name of the image, and number of the person in it."""
    model: nn.Module
    sample: Sample
    pose: Panel


def visualize(
    config: str,
    checkpoint: str | Path | None,
    images: Sequence[str | Path],
    *,
    boxes: Sequence[Box] | None = None,
    annotations: str | Path | None = None,
    limit: int | None = None,
    out: str | Path = "work_dirs/visualize",
    written: Callable[[Path], None] | None = None,
    draw: Callable[[nn.Module, Sample], list[Panel]] = panels_of,
) -> list[Path]:
    """Draw attention, selected patches and windows over images, as far as the paper of the network has them.

    Args:
        config: Path, ``mmpose::path``, ``mmpose_ext::path``, base name or alias.
        checkpoint: File; None for random weights.
        images: Files, or folders of images.
        boxes: x, y, width and height in pixels of each person, the same in every image; None for the whole image.
        annotations: COCO-style file with the boxes, by file name; not together with ``boxes``.
        limit: Stop after this number of persons; None for all.
        out: Folder of the images.
        written: Called with each image when it is there.
        draw: What is drawn beside the pose; by default all that is known about the network.

    Returns:
        The images, named after the config, the image and the person.

    Raises:
        ValueError: If the network shows nothing, or a file can't be used.
    """
    files = []
    for seen in _look(config, checkpoint, Persons(images, boxes, annotations, limit)):
        files.append(Path(out, f"{seen.config}_{seen.person}.png"))
        write_image(files[-1], sheet([seen.pose, *draw(seen.model, seen.sample)]))
        if written is not None:
            written(files[-1])
    return files


def draw_poses(config: str, checkpoint: str | Path | None, persons: Persons, *, out: str | Path) -> Path:
    """Draw the poses of all persons in one image.

    Args:
        config: Path, ``mmpose::path``, ``mmpose_ext::path``, base name or alias.
        checkpoint: File; None for random weights.
        persons: Whom to draw.
        out: Folder of the image.

    Returns:
        The image, named after the config.

    Raises:
        ValueError: If a file can't be used.
    """
    seen = list(_look(config, checkpoint, persons))
    path = Path(out, f"{seen[0].config}_poses.png")
    write_image(path, sheet([Panel(one.person, one.pose.image) for one in seen]))
    return path


def _look(config: str, checkpoint: str | Path | None, persons: Persons) -> Iterator[_Seen]:
    """Show persons to a network, one after the other."""
    if persons.boxes and persons.annotations:
        raise ValueError("expected boxes or annotations, got both")
    candidate = load_candidate(config)
    settings = candidate.require_config()
    known = _persons(list(map(Path, persons.images)), persons.boxes, persons.annotations)
    model = candidate.build(checkpoint=checkpoint).model
    reader = TopdownReader(settings, model)
    for person in known[: persons.limit]:
        sample, pose = reader.read(person.image, person.box)
        yield _Seen(candidate.label, f"{person.image.stem}-{person.number}", model, sample, pose)


def _persons(images: Sequence[Path], boxes: Sequence[Box] | None, annotations: Path | str | None) -> list[_Person]:
    paths: list[Path] = []
    for path in images:
        if path.is_dir():
            paths += sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        elif path.is_file():
            paths.append(path)
        else:
            raise ValueError(f"expected an image or a folder, got {path}")
    if not annotations:
        persons = [_Person(path, i, box) for path in paths for i, box in enumerate(boxes or [None])]
    else:
        known = _annotated(Path(annotations))
        persons = [_Person(path, i, box) for path in paths for i, box in enumerate(known.get(path.name, []))]
    if not persons:
        where = (
            f"persons of these images in {annotations}" if annotations else f"images in {', '.join(map(str, images))}"
        )
        raise ValueError(f"expected {where}, got none")
    return persons


def _annotated(path: Path) -> dict[str, list[list[float]]]:
    """File name -> boxes."""
    content = read_json(path, expected="a COCO-style file of persons")
    boxes: dict[str, list[list[float]]] = {}
    try:
        names = {image["id"]: Path(image["file_name"]).name for image in content["images"]}
        for annotation in content["annotations"]:
            box = [float(number) for number in annotation["bbox"]]
            if len(box) != 4 or not all(map(math.isfinite, box)) or min(box[2:]) <= 0:
                raise ValueError(f"a box is {box}")
            boxes.setdefault(names[annotation["image_id"]], []).append(box)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"expected a COCO-style file of persons, got {path} ({error!r})") from error
    return boxes
