"""One line in a config makes a test faster, and its predictions and scores stay the same to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from mmpose.registry import METRICS, MODELS

from mmpose_ext.codecs import BatchedMSRAHeatmap, BatchedPoseDataPreprocessor, BatchedUDPHeatmap
from mmpose_ext.engine.hooks.fast_evaluation_hook import use_fast_parts
from mmpose_ext.evaluation import FastCocoMetric

BASES = Path(__file__).resolve().parents[2] / "configs/_base_"
DATA_SETS = ["coco_dark_256x192", "coco_udp_256x192", "coco_ssn_256x192"]


def model_config(codec: dict[str, Any]) -> dict[str, Any]:
    return dict(
        type="TopdownPoseEstimator",
        data_preprocessor=dict(type="PoseDataPreprocessor", mean=[127.0] * 3, std=[64.0] * 3, bgr_to_rgb=True),
        backbone=dict(type="ResNet", depth=18, base_channels=4, stem_channels=4, out_indices=(0,)),
        head=dict(
            type="HeatmapHead",
            in_channels=4,
            out_channels=17,
            deconv_out_channels=None,
            loss=dict(type="KeypointMSELoss"),
            decoder=codec,
        ),
    )


def run(name: str, runtime: str, work_dir: Path) -> tuple[Runner, dict[str, float], str]:
    """A test of a network with random weights on the sample of COCO: the runner, its scores and its file."""
    text = f"_base_ = {[str(BASES / runtime), str(BASES / f'datasets/{name}.py')]!r}"
    work_dir.mkdir()
    (work_dir / "config.py").write_text(text)
    config = Config.fromfile(work_dir / "config.py")
    loader = config.test_dataloader
    loader.update(num_workers=0, persistent_workers=False)
    loader.dataset.indices = 40
    config.test_evaluator.outfile_prefix = str(work_dir / "found")
    torch.manual_seed(0)
    runner = Runner(
        model_config(config.codec),
        str(work_dir),
        test_dataloader=loader,
        test_evaluator=config.test_evaluator,
        test_cfg={},
        default_hooks=config.default_hooks,
        default_scope="mmpose",
        experiment_name=f"{work_dir.parent.name}-{work_dir.name}",
        randomness=config.randomness,
    )
    return runner, runner.test(), (work_dir / "found.keypoints.json").read_text()


@pytest.mark.parametrize("name", DATA_SETS)
def test_equal_results(name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coco").symlink_to(data / "coco_sample")
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(tmp_path))
    kinds, scores, files = [], [], []
    for runtime in ("default_runtime.py", "fast_evaluation.py"):
        runner, score, found = run(name, runtime, tmp_path / Path(runtime).stem)
        parts = (runner.model.data_preprocessor, runner.model.head.decoder, *runner.test_loop.evaluator.metrics)
        kinds.append([type(part).__name__ for part in parts])
        scores.append(score)
        files.append(found)
    assert not [kind for kind in kinds[0] if kind.startswith(("Batched", "Fast"))]
    assert all(kind.startswith(("Batched", "Fast")) for kind in kinds[1])
    assert scores[0] == scores[1] and "coco/AP" in scores[0]
    assert files[0] == files[1] and len(json.loads(files[0])) > 10


def test_what_changes() -> None:
    """The classes themselves, also inside a wrapper; not what is derived from them, and nothing twice."""
    codec = dict(type="UDPHeatmap", input_size=(48, 64), heatmap_size=(12, 16))
    model = MODELS.build(model_config(codec))
    metrics = [METRICS.build(dict(type=kind)) for kind in ("CocoMetric", "CocoWholeBodyMetric", "MpiiPCKh")]
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    torch.nn.Module.__init__(wrapper)
    wrapper.module = model
    assert sorted(use_fast_parts(wrapper, metrics)) == [
        "CocoMetric -> FastCocoMetric",
        "PoseDataPreprocessor -> BatchedPoseDataPreprocessor",
        "UDPHeatmap -> BatchedUDPHeatmap",
    ]
    assert use_fast_parts(wrapper, metrics) == []
    assert [type(metric).__name__ for metric in metrics] == ["FastCocoMetric", "CocoWholeBodyMetric", "MpiiPCKh"]


@pytest.mark.parametrize("part", [BatchedMSRAHeatmap, BatchedUDPHeatmap, BatchedPoseDataPreprocessor, FastCocoMetric])
def test_the_parts_only_add_methods(part: type) -> None:
    """What lets an object change its class: the faster one has no state of its own."""
    assert not {"__init__", "__slots__"} & vars(part).keys()
