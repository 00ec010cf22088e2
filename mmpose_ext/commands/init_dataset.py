"""Check a COCO-style key point file, and write metainfo and a ready config for it.

What is wrong is reported by annotation; nothing is written while there are errors, unless --force is given.
Example: mmpose-ext init-dataset my_coco.json --images photos/ --model xhrnet-18 --out data/mine
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext init-dataset``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("annotations", type=Path, metavar="COCO.json", help="annotations of all data, or for training")
    parser.add_argument("--val", type=Path, metavar="COCO.json", help="annotations for validation")
    parser.add_argument("--val-share", type=float, default=0.1, help="part of the images for validation without --val")
    parser.add_argument("--images", type=Path, help="folder of the images; beside the annotations without this")
    parser.add_argument("--model", default="xhrnet-18", help="alias or config of the model to train")
    parser.add_argument("--out", type=Path, help="folder to write; data/<name of the file> without this")
    parser.add_argument("--epochs", type=int, help="length of the training, if not that of the model")
    parser.add_argument("--force", action="store_true", help="write in spite of errors")
    parser.add_argument("--limit", type=int, default=20, help="problems printed of each file")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext init-dataset``.

    Args:
        args: Parsed arguments.

    Returns:
        0; 1 if the file has errors; 2 for arguments that can't be used.
    """
    from mmpose_ext.analysis.models import find_config
    from mmpose_ext.datasets.coco_check import check, flip_pairs, load
    from mmpose_ext.datasets.own_data import config_text, metainfo_text, split

    images = args.images or args.annotations.parent
    name = args.annotations.stem
    out = (args.out or Path("data") / name).resolve()
    try:
        base = find_config(args.model)
        if not images.is_dir():
            raise ValueError(f"expected a folder of images, got {images}")
        files = {path: load(path) for path in filter(None, (args.annotations, args.val))}
        reports = {path: check(content, images=images) for path, content in files.items()}
        report = reports[args.annotations]
        for path, one in reports.items():
            _print(path, one, args.limit)
            if one.keypoints != report.keypoints:
                raise ValueError(f"expected the key points {report.keypoints} in {path}, got {one.keypoints}")
        if any(one.errors for one in reports.values()) and not args.force:
            print("nothing written; mend the errors, or write with --force", file=sys.stderr)
            return 1
        train, val = files[args.annotations], files.get(args.val)
        if val is None:
            train, val = split(train, share=args.val_share)
        where = dict(folder=out, images=images.resolve(), epochs=args.epochs)
        text = config_text(name, base, keypoints=len(report.keypoints), **where)
    except ValueError as error:
        print(f"mmpose-ext init-dataset: {error}", file=sys.stderr)
        return 2
    out.mkdir(parents=True, exist_ok=True)
    config = out / f"{base.stem.rpartition('_')[0]}_{name}.py"
    (out / "train.json").write_text(json.dumps(train))
    (out / "val.json").write_text(json.dumps(val))
    (out / "metainfo.py").write_text(metainfo_text(name, report))
    config.write_text(text)
    pairs = flip_pairs(report.keypoints)
    alone = [keypoint for keypoint in report.keypoints if keypoint not in pairs]
    print(f"{len(pairs) // 2} flip pairs; their own mirror: {', '.join(alone) or 'none'}")
    print(f"{out}: metainfo.py (look at flip pairs and sigmas), train.json, val.json")
    print(f"mim train mmpose {config}")
    return 0


def _print(path: Path, report, limit: int) -> None:  # type: ignore[no-untyped-def]
    print(f"{path}: {report.persons} labelled persons, {len(report.keypoints)} key points, ", end="")
    print(f"{report.errors} errors, {len(report.problems) - report.errors} warnings")
    for problem in report.problems[:limit]:
        print(f"  {'ERROR' if problem.error else 'warning'}: {problem.where}: {problem.what}")
    if len(report.problems) > limit:
        kinds = Counter("errors" if problem.error else "warnings" for problem in report.problems[limit:])
        print("  and " + ", ".join(f"{number} more {kind}" for kind, number in kinds.items()))
