"""Every leaf config: what its name says is what is in it, and it builds and predicts."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, MODELS
from mmpose.testing import get_packed_inputs

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
LEAVES = sorted((CONFIGS / "body_2d_keypoint").rglob("*.py"))
NAME = re.compile(
    r"(?P<method>td-hm|simcc|td-reg)_(?P<model>[a-z0-9-]+)_(?:(?P<trick>udp|dark|ohkm|ms)-)?"
    r"(?P<gpus>\d+)xb(?P<batch>\d+)-(?P<length>\d+)(?P<unit>e|k)_(?P<data>[a-z]+)-(?P<height>\d+)x(?P<width>\d+)"
)
DATA_SETS = {"coco": 17, "synthetic": 17, "mpii": 16, "lspet": 14, "lspetmpii": 16, "lsp": 14}
"""Data set in a name -> number of keypoints; `lspetmpii` is LSPET in MPII's format, `lsp` LSP with LSPET."""

OWN_CODECS = {"MSRAHeatmap": {"MultiSigmaHeatmap", "BlurredMSRAHeatmap"}}
"""MMPose's codec -> ours that are derived from it for what it has not."""

every_leaf = pytest.mark.parametrize("path", LEAVES, ids=lambda path: path.stem)


@cache
def load(path: Path) -> Config:
    return Config.fromfile(path)


def fields(path: Path) -> dict[str, str | None]:
    match = NAME.fullmatch(path.stem)
    assert match, f"expected a name such as td-hm_xhrnet-18_8xb64-210e_coco-256x192, got {path.stem}"
    return match.groupdict()


def steps(pipeline: list[dict], *kinds: str) -> list[dict]:
    return [step for step in pipeline if step["type"] in kinds]


CROPS = ("TopdownAffine", "PyramidTopdownAffine")


def test_there_are_leaves() -> None:
    assert len(LEAVES) > 5


def test_base_names_are_unique() -> None:
    """``mim`` and MMEngine find a config by its base name."""
    counts = Counter(path.name for path in CONFIGS.rglob("*.py"))
    assert not [name for name, number in counts.items() if number > 1]


def test_only_the_runtime_imports() -> None:
    importing = [path.name for path in CONFIGS.rglob("*.py") if re.search(r"^custom_imports", path.read_text(), re.M)]
    assert importing == ["default_runtime.py"]


@every_leaf
def test_a_leaf_is_short_and_has_no_pipeline(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert len(text.splitlines()) <= 50
    assert "pipeline" not in text, "pipelines live in _base_/datasets only"
    assert "codec" not in {ast.unparse(t) for node in tree.body if isinstance(node, ast.Assign) for t in node.targets}


@every_leaf
def test_batch_size_and_length(path: Path) -> None:
    """The length is in epochs, 210e, or in thousands of iterations, 400k."""
    config, name = load(path), fields(path)
    gpus, batch, length = (int(name[key] or 0) for key in ("gpus", "batch", "length"))
    assert config.train_dataloader.batch_size == batch
    by_epoch = name["unit"] == "e"
    end = length if by_epoch else 1000 * length
    assert config.train_cfg["max_epochs" if by_epoch else "max_iters"] == end
    assert config.log_processor.by_epoch is by_epoch
    schedules = [schedule for schedule in config.param_scheduler if schedule.get("by_epoch", True) is by_epoch]
    assert max(schedule.end for schedule in schedules) == end
    assert all(max(schedule.get("milestones", [0])) < end for schedule in schedules)
    assert config.auto_scale_lr.base_batch_size == gpus * batch


@every_leaf
def test_only_hooks_of_mmengine_are_taken_away(path: Path) -> None:
    """MMEngine takes None for its own hooks only, and fails when a training starts."""
    from mmengine.runner import Runner

    runner = Runner.__new__(Runner)
    runner._hooks = []
    hooks = {name: hook and dict(type="IterTimerHook") for name, hook in load(path).default_hooks.items()}
    runner.register_default_hooks(hooks)


@every_leaf
def test_size_and_codec(path: Path) -> None:
    config, name = load(path), fields(path)
    size = (int(name["width"] or 0), int(name["height"] or 0))
    assert tuple(config.codec.input_size) == size
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        pipeline = loader.dataset.pipeline
        assert [tuple(step.input_size) for step in steps(pipeline, *CROPS)] == [size]
        assert all(step.encoder == config.codec for step in steps(pipeline, "GenerateTarget"))
    assert len(steps(config.train_dataloader.dataset.pipeline, "GenerateTarget")) == 1
    assert config.model.head.decoder == config.codec
    assert tuple(config.model.backbone.get("input_size", size)) == size
    if config.codec.type != "SimCCLabel":
        stride = 2 if config.model.backbone.type == "SFM" else 4
        assert tuple(config.codec.heatmap_size) == (size[0] // stride, size[1] // stride)


@every_leaf
def test_method_and_trick(path: Path) -> None:
    config, name = load(path), fields(path)
    heads = {"td-hm": {"HeatmapHead", "CPMHead"}, "simcc": {"SimCCHead"}}
    own = [cls.__name__ for cls in MODELS.module_dict.values() if cls.__module__.startswith("mmpose_ext.")]
    assert config.model.head.type in {*heads.get(str(name["method"]), set()), *own}
    kind = "SimCCLabel" if name["method"] == "simcc" else "UDPHeatmap" if name["trick"] == "udp" else "MSRAHeatmap"
    assert config.codec.type in {kind, *OWN_CODECS.get(kind, set())}
    assert config.codec.get("unbiased", False) is (name["trick"] == "dark")
    for loader in (config.train_dataloader, config.val_dataloader):
        assert [x.get("use_udp", False) for x in steps(loader.dataset.pipeline, *CROPS)] == [kind == "UDPHeatmap"]
    zooms = [step.zooms for step in steps(config.test_dataloader.dataset.pipeline, "PyramidTopdownAffine")]
    assert (config.model.type == "MultiScaleTopdownPoseEstimator") is (name["trick"] == "ms") is bool(zooms)
    assert zooms == ([config.model.test_cfg.zooms] if zooms else [])
    if kind == "UDPHeatmap":
        assert not config.model.test_cfg.get("shift_heatmap", False), "UDP's heatmaps are aligned already"


@every_leaf
def test_parts_are_mmposes_own(path: Path) -> None:
    """Preprocessor, codec and metrics; the faster ones are opt-in. MPII's metric has MMPose's beside it."""
    config = load(path)
    assert config.model.data_preprocessor.type == "PoseDataPreprocessor"
    assert not re.findall(r"'(?:Batched|Fast)\w+'", str(config.to_dict()))
    for loader, metrics in (
        (config.val_dataloader, config.val_evaluator),
        (config.test_dataloader, config.test_evaluator),
    ):
        kinds = [one.type for one in (metrics if isinstance(metrics, list) else [metrics])]
        mpii = ["MpiiPCKh", "MpiiPCKAccuracy"]
        assert (kinds == mpii) if "Mpii" in loader.dataset.type else {"CocoMetric", "TorsoPCK"} & set(kinds)


@every_leaf
def test_data_set_and_number_of_key_points(path: Path) -> None:
    config, name = load(path), fields(path)
    keypoints = DATA_SETS[str(name["data"])]
    assert config.model.head.out_channels == keypoints
    folder = f"/{str(name['data']).removesuffix('mpii') or 'mpii'}/"
    for loader in (config.train_dataloader, config.test_dataloader):
        *_, dataset = loader.dataset.get("datasets", [loader.dataset])  # of several, the one of the name is the last
        assert folder in dataset.data_root
        assert len(metainfo(dataset)["keypoint_id2name"]) == keypoints


def metainfo(dataset: dict) -> dict:
    info = dataset.get("metainfo")
    return parse_pose_metainfo(info if info else DATASETS.get(dataset["type"]).METAINFO)


@every_leaf
def test_depth(path: Path) -> None:
    arch = load(path).model.backbone.get("arch")
    if isinstance(arch, str):
        assert arch in re.split(r"[-_]", str(fields(path)["model"]))


def predicted() -> list[object]:
    """All leaves; of those of one paper, data set and size all but the first are slow."""
    seen: set[tuple[str | None, ...]] = set()
    rows = []
    for path in LEAVES:
        key = (path.parent.name, *(fields(path)[part] for part in ("method", "data", "height")))
        rows.append(pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if key in seen else []))
        seen.add(key)
    return rows


@pytest.mark.parametrize("path", predicted())
def test_builds_and_predicts(path: Path) -> None:
    config = load(path)
    if str(config.model.backbone.type).startswith("mmpretrain."):
        pytest.importorskip("mmpretrain", reason="the backbone is MMPretrain's")
    with DefaultScope.overwrite_default_scope(config.default_scope):
        model = MODELS.build(config.model).eval()
    width, height = config.codec.input_size
    keypoints = config.model.head.out_channels
    packed = get_packed_inputs(1, num_keypoints=keypoints, img_shape=(height, width), input_size=(width, height))
    packed["data_samples"][0].set_metainfo({"flip_indices": metainfo(config.val_dataloader.dataset)["flip_indices"]})
    with torch.no_grad():
        (sample,) = model.test_step(packed)
    assert sample.pred_instances.keypoints.shape == (1, keypoints, 2)
    assert torch.isfinite(torch.as_tensor(sample.pred_instances.keypoints)).all()
    assert torch.isfinite(torch.as_tensor(sample.pred_instances.keypoint_scores)).all()
