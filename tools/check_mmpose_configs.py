"""Take one training step with each top-down config of MMPose, on a made-up person, without importing mmpose_ext.

Tells what of MMPose works in this environment: the start-up file of mmpose-ext has to supply what mmcv-lite lacks.
Configs that differ in neither model, pipeline nor number of keypoints are tried once. One line for each failure goes to
stdout, all results to a JSON file that a second run goes on from.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.utils import get_installed_path
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, MODELS

META = (
    *("dataset_name", "upper_body_ids", "lower_body_ids", "flip_pairs"),
    *("dataset_keypoint_weights", "flip_indices", "skeleton_links"),
)
"""What MMPose's data sets hand to the pipeline beside a person."""


def top_down_configs() -> list[Path]:
    """All configs of the installed MMPose whose model is a top-down one."""
    folder = Path(get_installed_path("mmpose"), ".mim", "configs")
    paths = [path for path in sorted(folder.rglob("*.py")) if "_base_" not in path.parts]
    return [path for path in paths if "type='TopdownPoseEstimator'" in path.read_text().replace('"', "'")]


def made_up_person(meta: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """What a data set gives for one person, or pair of hands, with K keypoints in an image of 160 x 120 pixels.

    Args:
        meta: Parsed metainfo.
        rng: Source of the pixels and keypoints.
    """
    count = meta["num_keypoints"]
    keypoints = rng.uniform([30, 20], [130, 100], (1, count, 2)).astype(np.float32)
    person = dict(
        img=rng.integers(0, 256, (120, 160, 3), dtype=np.uint8),
        img_path="made-up.jpg",
        ori_shape=(120, 160),
        img_shape=(120, 160),
        img_id=1,
        id=1,
        bbox=np.array([[25, 15, 135, 105]], dtype=np.float32),
        bbox_score=np.ones(1, dtype=np.float32),
        keypoints=keypoints,
        keypoints_visible=np.ones((1, count), dtype=np.float32),
        num_keypoints=count,
        category_id=1,
        area=9900,
        iscrowd=0,
        head_size=np.array([20.0]),
        box_size=np.array([100.0]),
        segmentation=[],
        invalid_segs=[],
        raw_ann_info={},
    )
    return person | {name: copy.deepcopy(meta.get(name)) for name in META}


def depth_of_hands(rng: np.random.Generator) -> dict[str, Any]:
    """What InterHand3D adds, or has in another form: 42 keypoints in three dimensions.

    Args:
        rng: Source of the keypoints.
    """
    keypoints = rng.uniform([30, 20, -50], [130, 100, 50], (1, 42, 3)).astype(np.float32)
    return dict(
        keypoints=keypoints,
        hand_type=np.ones((1, 2), dtype=np.float32),
        hand_type_valid=np.ones(1, dtype=np.float32),
        rel_root_depth=np.float32(10),
        rel_root_valid=np.float32(1),
        abs_depth=np.full(2, 500, dtype=np.float32),
        focal=np.full(2, 1500, dtype=np.float32),
        principal_pt=np.array([80, 60], dtype=np.float32),
    )


def metainfo_of(dataset: Config) -> dict[str, Any]:
    """The metainfo of a data set that is not built, as it has no files.

    Args:
        dataset: Its config.
    """
    if dataset.type == "DeepFashionDataset":
        return dict(from_file=f"configs/_base_/datasets/deepfashion_{dataset.subset}.py")
    return dataset.get("metainfo") or DATASETS.get(dataset.type).METAINFO


def train_step(config: Config, *, batch: int, seed: int) -> float:
    """The loss of one training step.

    Args:
        config: Of a top-down model.
        batch: Number of persons, at least 2 for batch normalization.
        seed: Of the weights, pixels and keypoints.
    """
    torch.manual_seed(seed)
    init_default_scope("mmpose")
    dataset = config.train_dataloader.dataset
    meta = parse_pose_metainfo(dict(metainfo_of(dataset)))
    pipeline = Compose([one for one in dataset.pipeline if one["type"] != "LoadImage"])
    rng = np.random.default_rng(seed)
    hands = dataset.type == "InterHand3DDataset"
    samples = [pipeline(made_up_person(meta, rng) | (depth_of_hands(rng) if hands else {})) for _ in range(batch)]
    model = MODELS.build(config.model).train()
    runner = Runner.__new__(Runner)  # only its method that builds an optimizer wrapper
    runner.model, runner._randomness_cfg, runner._distributed = model, {}, False
    config.optim_wrapper["type"] = "OptimWrapper"  # AmpOptimWrapper needs a GPU
    config.optim_wrapper.pop("loss_scale", None)
    losses = model.train_step(pseudo_collate(samples), runner.build_optim_wrapper(config.optim_wrapper))
    return float(losses["loss"])


def identity(config: Config) -> str:
    """What two configs share that take the same step."""
    dataset = config.train_dataloader.dataset
    meta = dataset.get("metainfo") or dataset.type
    parts = config.model, dataset.pipeline, meta, config.optim_wrapper
    return json.dumps(parts, default=str, sort_keys=True)


def main() -> int:
    """Run the check.

    Returns:
        0 if every config took its step, else 1.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only configs whose path has one of these words")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/mmpose_configs.json"), help="file of the results")
    parser.add_argument("--batch", type=int, default=2, help="persons in the step")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and data")
    args = parser.parse_args()
    results: dict[str, str] = json.loads(args.out.read_text()) if args.out.is_file() else {}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    configs = [path for path in top_down_configs() if not args.words or any(w in str(path) for w in args.words)]
    tried: dict[str, str] = {}
    for number, path in enumerate(configs, 1):
        if path.name in results:
            continue
        start = time.process_time()
        try:
            config = Config.fromfile(path)
            same = identity(config)
            if same not in tried:
                loss = train_step(config, batch=args.batch, seed=args.seed)
                tried[same] = "ok" if np.isfinite(loss) else f"the loss is {loss}"
            results[path.name] = tried[same]
        except Exception as error:  # whatever a config, a library or a missing one raises
            place = traceback.extract_tb(error.__traceback__)[-1]
            reason = (str(error).strip().splitlines() or [""])[-1][:200]
            results[path.name] = f"{type(error).__name__}: {reason} ({Path(place.filename).name}:{place.lineno})"
        args.out.write_text(json.dumps(results, indent=1))
        if results[path.name] != "ok":
            sys.stdout.write(f"{path.name}: {results[path.name]}\n")
        sys.stderr.write(f"\r{number}/{len(configs)} {time.process_time() - start:.0f} s {path.name:<90.90}")
        gc.collect()
    counts = Counter("ok" if result == "ok" else "failed" for result in results.values())
    sys.stdout.write(f"{counts['ok']} of {len(results)} took a step; {args.out} has all results\n")
    return int(counts["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
