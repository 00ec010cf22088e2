"""Draws what a network looks at over images: ``mmpose-ext visualize``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.visualization import panels_of
from mmpose_ext.toolbox.visualization.drawing import sheet, write_image
from mmpose_ext.toolbox.visualization.topdown import Box, TopdownReader

__all__ = ["SUFFIXES", "visualize"]

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})


class _Person(NamedTuple):
    """A person to draw."""

    image: Path
    number: int
    """Within the image."""
    box: Box | None


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

    Returns:
        The images.

    Raises:
        ValueError: If the network shows nothing, or a file can't be used.
    """
    if boxes and annotations:
        raise ValueError("expected boxes or annotations, got both")
    candidate = load_candidate(config)
    settings = candidate.require_config()
    persons = _persons([Path(image) for image in images], boxes, annotations and Path(annotations))
    model = candidate.build(checkpoint=checkpoint).model
    reader = TopdownReader(settings, model)
    files = []
    for person in persons[:limit]:
        sample, pose = reader.read(person.image, person.box)
        files.append(Path(out, f"{person.image.stem}-{person.number}.png"))
        write_image(files[-1], sheet([pose, *panels_of(model, sample)]))
        if written is not None:
            written(files[-1])
    return files


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
