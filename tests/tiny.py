"""A data set of a few noisy pictures and a configuration that trains on it in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

SIZE = 64
"""Height and width of the pictures and of the input of the network."""

CONFIG = """
custom_imports = dict(imports=["mmpose_ext"], allow_failed_imports=False)
default_scope = "mmpose"
codec = dict(type="MSRAHeatmap", input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(type="PoseDataPreprocessor", mean=[127.0] * 3, std=[64.0] * 3, bgr_to_rgb=True),
    backbone=dict(type="ResNet", depth=18, base_channels=4, stem_channels=4),
    head=dict(type="HeatmapHead", in_channels=32, out_channels=17, deconv_out_channels=(8, 8, 8),
              deconv_kernel_sizes=(4, 4, 4), loss=dict(type="KeypointMSELoss", use_target_weight=True), decoder=codec))
loading = [dict(type="LoadImage"), dict(type="GetBBoxCenterScale")]
train_pipeline = [
    *loading, dict(type="RandomFlip"), dict(type="RandomBBoxTransform"),
    dict(type="TopdownAffine", input_size=codec["input_size"]), dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs")]
val_pipeline = [
    *loading, dict(type="TopdownAffine", input_size=codec["input_size"]), dict(type="PackPoseInputs")]
dataset = dict(type="CocoDataset", data_root="{root}", ann_file="people.json", data_prefix=dict(img=""),
               data_mode="topdown")
train_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=True),
                        dataset=dict(**dataset, pipeline=train_pipeline))
val_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),
                      dataset=dict(**dataset, pipeline=val_pipeline, test_mode=True))
test_dataloader = val_dataloader
val_evaluator = dict(type="CocoMetric", ann_file="{root}/people.json")
test_evaluator = val_evaluator
train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type="Adam", lr=1e-3))
param_scheduler = [dict(type="MultiStepLR", milestones=[3], gamma=0.1, by_epoch=True)]
default_hooks = dict(
    timer=dict(type="IterTimerHook"), logger=dict(type="LoggerHook", interval=1),
    param_scheduler=dict(type="ParamSchedulerHook"), sampler_seed=dict(type="DistSamplerSeedHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, save_best="coco/AP", rule="greater"))
visualizer = dict(type="PoseLocalVisualizer", vis_backends=[dict(type="LocalVisBackend")])
randomness = dict(seed=0)
env_cfg = dict(mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0), dist_cfg=dict(backend="nccl"))
work_dir = "{root}/work"
"""


def write_data(root: Path, *, count: int = 8) -> None:
    """Write ``count`` pictures of noise with one person each, in COCO format.

    Args:
        root: The folder, which exists.
        count: The number of pictures.
    """
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for index in range(1, count + 1):
        name = f"{index:03d}.jpg"
        cv2.imwrite(str(root / name), rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
        images.append({"id": index, "file_name": name, "height": SIZE, "width": SIZE})
        points = np.concatenate([rng.uniform(8, SIZE - 8, (17, 2)), np.full((17, 1), 2)], axis=1)
        annotations.append(
            {
                "id": index,
                "image_id": index,
                "category_id": 1,
                "bbox": [4, 4, SIZE - 8, SIZE - 8],
                "area": (SIZE - 8) ** 2,
                "iscrowd": 0,
                "num_keypoints": 17,
                "keypoints": points.round(1).ravel().tolist(),
            }
        )
    categories = [{"id": 1, "name": "person", "keypoints": [str(k) for k in range(17)], "skeleton": []}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "people.json").write_text(json.dumps(content))


def write_config(root: Path, extra: str = "") -> Path:
    """Write data and configuration.

    Args:
        root: The folder, which exists.
        extra: Lines to add to the configuration.

    Returns:
        The path of the configuration.
    """
    write_data(root)
    path = root / "tiny.py"
    path.write_text(CONFIG.replace("{root}", str(root)) + extra)
    return path


SHARPOSE = """
model = dict(
    type="TopdownPoseEstimator", data_preprocessor=dict(type="PoseDataPreprocessor"),
    backbone=dict(type="SHaRPose", arch=dict(width=16, depth=4, num_heads=2), num_keypoints=17, input_size=(64, 64),
                  patch_size=4, quality_threshold=0.5),
    head=dict(type="SHaRPoseHead", in_channels=16, out_channels=17, heatmap_size=(16, 16), decoder=codec),
    test_cfg=dict(flip_test=False))
"""
SSN = """
model = dict(
    type="TopdownPoseEstimator", data_preprocessor=dict(type="PoseDataPreprocessor"),
    backbone=dict(type="SSNResNet", depth=50, num_stages=1, out_indices=(0,), base_channels=32, stem_channels=32,
                  shift_channels=6),
    head=dict(type="SSNHead", in_channels=128, out_channels=17, predictors=("P4",), tail="norm", decoder=codec))
"""
"""Models of 64x64 pixels and 17 keypoints: text for the end of the configuration, before `TOP_DOWN`."""
TOP_DOWN = '\ndataset_type = "CocoDataset"\ndata_mode = "topdown"\n'
"""Lines of a configuration for an inferencer."""


def write_checkpoint(config: Path) -> Path:
    """Write seeded weights whose heatmaps are not flat.

    Args:
        config: The configuration.

    Returns:
        The path of the checkpoint, beside it.
    """
    import torch
    from mmengine.config import Config
    from mmengine.registry import DefaultScope
    from mmpose.registry import MODELS

    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpose"):
        model = MODELS.build(Config.fromfile(config).model)
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    torch.save({"state_dict": model.state_dict()}, config.with_suffix(".pth"))
    return config.with_suffix(".pth")
