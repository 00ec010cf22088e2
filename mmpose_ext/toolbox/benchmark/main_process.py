"""How long the main process of a test takes per person without the network: MMPose's parts and the faster ones.

Precomputed heatmaps stand in for a network. Each round runs one batch through MMPose's estimator with its own parts,
then with those of `FastEvaluationHook`. The metric is computed once at the end, over as many detections as are asked
for; COCO val has 104125 boxes in 5000 images.

Shapes: B batch, K = 17 keypoints, 256x192 input, 64x48 heatmaps.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, METRICS, MODELS
from mmpose.testing import get_packed_inputs
from torch import Tensor, nn

from mmpose_ext.engine.hooks.fast_evaluation_hook import use_fast_parts

__all__ = ["CODECS", "measure_metric", "measure_steps"]

SIZE, MAP = (192, 256), (48, 64)
CODECS: dict[str, dict[str, Any]] = {
    "msra": dict(type="MSRAHeatmap", sigma=2),
    "dark": dict(type="MSRAHeatmap", sigma=2, unbiased=True),
    "udp": dict(type="UDPHeatmap", sigma=2),
}
"""Name of a decoding -> MMPose's codec."""


class _Known(nn.Module):
    """Precomputed heatmaps, whatever the images: a peak for each keypoint, and noise."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        width, height = MAP
        generator = torch.Generator().manual_seed(0)
        x = torch.arange(width) - width * torch.rand(batch, 17, 1, 1, generator=generator)
        y = torch.arange(height)[:, None] - height * torch.rand(batch, 17, 1, 1, generator=generator)
        noise = 0.02 * torch.randn(batch, 17, height, width, generator=generator)
        self.maps = torch.exp(-(x**2 + y**2) / 8) + noise

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.maps,)


def _estimator(codec: dict[str, Any], batch: int) -> nn.Module:
    head = dict(
        type="HeatmapHead",
        in_channels=3,
        out_channels=17,
        deconv_out_channels=None,
        loss=dict(type="KeypointMSELoss"),
        decoder={**codec, "input_size": SIZE, "heatmap_size": MAP},
    )
    norm = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
    before = dict(type="PoseDataPreprocessor", **norm)
    backbone = dict(type="ResNet", depth=18, base_channels=4, stem_channels=4)  # replaced, but one has to be named
    config = dict(type="TopdownPoseEstimator", data_preprocessor=before, backbone=backbone, head=head)
    with DefaultScope.overwrite_default_scope("mmpose"):
        model = MODELS.build(config).eval()
    model.backbone, model.head.final_layer = _Known(batch), nn.Identity()
    return model


def measure_steps(name: str, *, batch: int = 32, rounds: int = 20) -> dict[str, float]:
    """Milliseconds per person: normalization, decoding, results.

    Args:
        name: Key of :data:`CODECS`.
        batch: Batch size.
        rounds: Number of turns.

    Returns:
        Medians under ``stock``, ``ours`` and, of the rounds' quotients, ``ratio``.
    """
    models = {key: _estimator(CODECS[name], batch) for key in ("stock", "ours")}
    use_fast_parts(models["ours"], [])
    seconds: dict[str, list[float]] = {key: [] for key in models}
    for i in range(rounds + 1):
        for key in models if i % 2 else reversed(models):
            packed = get_packed_inputs(batch, num_keypoints=17, img_shape=SIZE[::-1], input_size=SIZE)
            start = time.perf_counter()
            with torch.no_grad():
                models[key].test_step(packed)
            seconds[key].append((time.perf_counter() - start) / batch)
    medians = {key: 1000 * statistics.median(values[1:]) for key, values in seconds.items()}
    quotients = [a / b for a, b in zip(seconds["stock"][1:], seconds["ours"][1:], strict=True)]
    return {**medians, "ratio": statistics.median(quotients)}


def measure_metric(*, images: int = 5000, per_image: float = 20.8) -> dict[str, float]:
    """Seconds of the metric over random detections, with the same numbers from both.

    Args:
        images: Number of images.
        per_image: Detections in an image, on average.

    Returns:
        ``stock``, ``ours``, ``ratio``, ``detections``.

    Raises:
        RuntimeError: If the two print different numbers.
    """
    meta = parse_pose_metainfo(DATASETS.get("CocoDataset").METAINFO)
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder, "truth.json")
        samples = list(_samples(truth, images, per_image))
        seconds, scores = {}, []
        for key, kind in (("stock", "CocoMetric"), ("ours", "FastCocoMetric")):
            with contextlib.redirect_stdout(io.StringIO()):
                metric = METRICS.build(dict(type=kind, ann_file=str(truth)))
                metric.dataset_meta = dict(meta)
                start = time.perf_counter()
                metric.process([], samples)
                scores.append(metric.compute_metrics(metric.results))
                seconds[key] = time.perf_counter() - start
    if scores[0] != scores[1]:
        raise RuntimeError(f"expected equal numbers, got {scores[0]} and {scores[1]}")
    return {**seconds, "ratio": seconds["stock"] / seconds["ours"], "detections": len(samples)}


def _samples(truth: Path, images: int, per_image: float) -> Iterator[dict[str, Any]]:
    """Detections, half of them near a person; the persons are written to a file first."""
    rng = np.random.default_rng(0)
    people: list[list[np.ndarray]] = [[_person(rng) for _ in range(rng.integers(0, 5))] for _ in range(images)]
    _write_truth(truth, people, rng)
    number = 0
    for image, persons in enumerate(people):
        for _ in range(rng.poisson(per_image)):
            near = persons and rng.random() < 0.5
            points = persons[rng.integers(len(persons))] + rng.normal(0, 3, (17, 2)) if near else _person(rng)
            box = np.concatenate([points.min(axis=0), points.max(axis=0)])[None].astype(np.float32)
            found = dict(
                keypoints=points[None].astype(np.float32),
                keypoint_scores=rng.random((1, 17)).astype(np.float32),
                bboxes=box,
                bbox_scores=rng.random(1).astype(np.float32),
            )
            scales = dict(bbox_scores=np.ones(1, np.float32), bbox_scales=1.25 * (box[:, 2:] - box[:, :2]))
            yield dict(id=number, img_id=image, pred_instances=found, gt_instances=scales)
            number += 1


def _person(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(50, 400, 2) + rng.uniform(0, rng.uniform(30, 200), (17, 2))


def _write_truth(path: Path, people: Sequence[Sequence[np.ndarray]], rng: np.random.Generator) -> None:
    annotations: list[dict[str, Any]] = []
    for image, persons in enumerate(people):
        for points in persons:
            box = [float(v) for v in (*points.min(axis=0), *np.ptp(points, axis=0))]
            visible = rng.integers(0, 3, (17, 1))
            flat = np.concatenate([points.round(1) * (visible > 0), visible], axis=1).ravel().tolist()
            common = dict(id=len(annotations) + 1, image_id=image, category_id=1, iscrowd=0)
            annotations.append(common | dict(bbox=box, area=0.6 * box[2] * box[3], keypoints=flat, num_keypoints=17))
    images = [dict(id=i, width=640, height=480, file_name=f"{i}.jpg") for i in range(len(people))]
    categories = [dict(id=1, name="person", keypoints=[], skeleton=[])]
    path.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
