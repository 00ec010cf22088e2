"""Draw what a network looks at over images: attention, selected patches, windows, as far as its paper has them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext visualize``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("config", metavar="CONFIG", help="path, mmpose::path, mmpose_ext::path or alias")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint file; `none` for random weights")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="images or folders of images")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/visualize"), help="folder for the pictures")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--box",
        nargs=4,
        type=float,
        action="append",
        metavar=("X", "Y", "W", "H"),
        help="a person in every image, may be repeated; all of the image is one person without this",
    )
    where.add_argument("--annotations", type=Path, metavar="COCO.json", help="boxes of the persons, by file name")
    parser.add_argument("--limit", type=int, help="stop after so many persons")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext visualize``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if something can't be used.
    """
    from mmpose_ext.toolbox.networks import load_candidate
    from mmpose_ext.toolbox.visualization import panels_of
    from mmpose_ext.toolbox.visualization.drawing import sheet
    from mmpose_ext.toolbox.visualization.topdown import TopdownReader

    try:
        candidate = load_candidate(args.config)
        if candidate.config is None:
            raise ValueError(f"expected a config with a test pipeline, got {args.config}")
        persons = _persons(args)
        model = candidate.build(checkpoint=None if args.checkpoint == "none" else args.checkpoint).model
        reader = TopdownReader(candidate.config, model)
        for path, number, box in persons[: args.limit]:
            sample, pose = reader.read(path, box)
            target = args.out / f"{path.stem}-{number}.png"
            _write(target, sheet([pose, *panels_of(model, sample)]))
            print(target)
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        print(f"mmpose-ext visualize: {error}", file=sys.stderr)
        return 2
    return 0


def _persons(args: argparse.Namespace) -> list[tuple[Path, int, list[float] | None]]:
    """File, number within the file and box of every person."""
    paths: list[Path] = []
    for path in args.images:
        if path.is_dir():
            paths += sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        elif path.is_file():
            paths.append(path)
        else:
            raise ValueError(f"expected an image or a folder, got {path}")
    if args.annotations is None:
        return [(path, i, box) for path in paths for i, box in enumerate(args.box or [None])]
    content = json.loads(args.annotations.read_text())
    names = {image["id"]: Path(image["file_name"]).name for image in content["images"]}
    boxes: dict[str, list[list[float]]] = {}
    for annotation in content["annotations"]:
        boxes.setdefault(names[annotation["image_id"]], []).append(annotation["bbox"])
    persons: list[tuple[Path, int, list[float] | None]] = [
        (path, i, box) for path in paths for i, box in enumerate(boxes.get(path.name, []))
    ]
    if not persons:
        raise ValueError(f"expected persons of these images in {args.annotations}, got none")
    return persons


def _write(path: Path, picture: np.ndarray) -> None:
    """Write an RGB picture."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1])
