"""The plugin works without the toolbox: every config is read, every part is built, each paper trains a step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """
import sys
sys.modules["mmpose_ext.toolbox"] = None  # an import of it is an ImportError from here on
from pathlib import Path
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings
configs = [Config.fromfile(path) for path in sys.argv[1:]]
import_modules_from_strings(**configs[0].custom_imports)
init_default_scope("mmpose")
from mmpose.registry import MODELS, TRANSFORMS, METRICS, HOOKS, KEYPOINT_CODECS
from mmengine.dataset import Compose
import torch
built = set()  # the kinds of parts together, so that each is built, but not each size and variant
for config in configs:
    kinds = tuple(config.model.get(part, {}).get("type") for part in ("backbone", "neck", "head"))
    if kinds not in built:
        built.add(kinds)
        with torch.device("meta"):
            MODELS.build(config.model)
    for part in ("train_dataloader", "val_dataloader"):
        dataset = config[part].dataset
        if "pipeline" in dataset:
            Compose(dataset.pipeline)
    for hook in config.get("custom_hooks", []):
        HOOKS.build(hook)

# One training step of the smallest config of each paper, on an image and a person made up here.
import cv2, numpy, tempfile
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmpose.datasets.datasets.utils import parse_pose_metainfo
image = tempfile.mktemp(suffix=".png")
cv2.imwrite(image, numpy.random.default_rng(0).integers(0, 255, (96, 72, 3), dtype=numpy.uint8))
smallest = {}
for config in sorted(configs, key=lambda config: -config.codec.input_size[0] * config.codec.input_size[1]):
    smallest[Path(config.filename).parent.name] = config
for config in smallest.values():
    dataset = config.train_dataloader.dataset
    info = parse_pose_metainfo(dataset.get("metainfo") or dict(from_file="configs/_base_/datasets/coco.py"))
    keypoints = config.model.head.get("out_channels") or info["num_keypoints"]
    meta = {key: info[key] for key in ("upper_body_ids", "lower_body_ids", "flip_indices", "flip_pairs") if key in info}
    meta["dataset_keypoint_weights"] = numpy.ones(keypoints, dtype=numpy.float32)
    person = dict(
        img_path=image, img_id=0, id=0, bbox=numpy.array([[4.0, 4, 68, 92]], dtype=numpy.float32),
        bbox_score=numpy.ones(1, dtype=numpy.float32), category_id=[1],
        keypoints=numpy.random.default_rng(1).uniform(10, 60, (1, keypoints, 2)).astype(numpy.float32),
        keypoints_visible=numpy.ones((1, keypoints), dtype=numpy.float32), **meta,
    )
    pipeline = Compose(dataset.pipeline)
    model = MODELS.build(config.model)
    batch = pseudo_collate([pipeline(dict(person)) for _ in range(2)])
    wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3))
    losses = model.train_step(batch, build_optim_wrapper(model, wrapper))
    assert torch.isfinite(losses["loss"]), losses
assert not [name for name in sys.modules if name.startswith("mmpose_ext.toolbox.")]
print(f"{len(configs)} read, {len(smallest)} trained")
"""


def test_every_config_is_read_and_each_paper_trains_without_the_toolbox() -> None:
    configs = sorted((ROOT / "configs" / "body_2d_keypoint").rglob("*.py"))
    configs = [path for path in configs if "vitpose" not in path.name]  # MMPose's own ViTPose needs MMPretrain
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, *map(str, configs)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{len(configs)} read, 5 trained\n")
