"""What a file may say of what is to be built: the attacks are refused, and the configs of this package pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.metafile import entries
from mmpose_ext.toolbox.inference.description import describe
from mmpose_ext.toolbox.safe_config import build_codec, build_pipeline, check_config, check_plain

CODEC = {"type": "MSRAHeatmap", "input_size": [64, 64], "heatmap_size": [16, 16], "sigma": 1}
STEPS = [
    {"type": "LoadImage"},
    {"type": "GetBBoxCenterScale"},
    {"type": "TopdownAffine", "input_size": [64, 64]},
    {"type": "PackPoseInputs"},
]
DEEP: list = []
for _ in range(10_000):
    DEEP = [DEEP]


def test_the_attack_is_real(tmp_path: Path) -> None:
    """MMEngine runs what a description names, so handing it to a registry is running the file."""
    for name, build in (("a", KEYPOINT_CODECS.build), ("b", lambda part: Compose([part]))):
        with DefaultScope.overwrite_default_scope("mmpose"), pytest.raises(Exception):  # noqa: B017
            build({"type": "os.mkdir", "path": str(tmp_path / name)})
            raise RuntimeError  # the codec is "built"
        assert (tmp_path / name).is_dir()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "os.mkdir", "path": "{path}"},
        {"type": os.mkdir, "path": "{path}"},
        {"type": "this"},
        {"type": "subprocess"},
        {"type": "mmengine.utils.mkdir_or_exist", "dir_name": "{path}"},
        {"type": "mmpose.os"},
        {"type": ["os.mkdir"]},
        {"path": "{path}"},
        {**CODEC, "sigma": {"type": "os.mkdir", "path": "{path}"}},
        {**CODEC, "_scope_": "antigravity"},
        {**CODEC, "heatmap_size": [10**9, 10**9]},
        {**CODEC, "sigma": 10**5000},
        {**CODEC, "sigma": float("nan")},
        {**CODEC, "sigma": os},
        {**CODEC, "sigma": DEEP},
        {**CODEC, "sigma": [0] * 200_000},
        {**CODEC, "sigma": "x" * 20_000},
        {**CODEC, "unknown": 1},
        {**CODEC, 3: 1},
        {"type": "ImagePoseLifting", "num_keypoints": 17},
        "MSRAHeatmap",
        None,
    ],
)
def test_codecs_that_are_refused(part, tmp_path: Path) -> None:
    path = tmp_path / "made"
    if isinstance(part, dict) and "path" in part:
        part = {**part, "path": str(path)}
    with pytest.raises(ValueError, match="of file.onnx|in file.onnx"):
        build_codec(part, file="file.onnx")
    assert not path.exists()


@pytest.mark.parametrize(
    "step",
    [
        {"type": "os.mkdir", "path": "x"},
        {"type": "LoadImage", "imdecode_backend": {"type": "os.mkdir", "path": "x"}},
        {"type": "LoadImage", "backend_args": {"type": "os.mkdir", "path": "x"}},
        {"type": "RandomApply", "transforms": [{"type": "os.mkdir", "path": "x"}]},
        {"type": "GenerateTarget", "encoder": CODEC},
        {"type": "Albumentation", "transforms": []},
        {"type": "TopdownAffine", "input_size": [64, 64], "other": 1},
        {"type": "TopdownAffine", "input_size": [100_000, 100_000]},
        {"type": "PyramidTopdownAffine", "input_size": [64, 64], "zooms": "x"},
        print,
    ],
)
def test_steps_that_are_refused(step, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"pipeline\[1\].* of file.onnx"):
        build_pipeline([STEPS[0], step], file="file.onnx")
    assert not list(tmp_path.iterdir())


def test_our_descriptions_pass() -> None:
    """A config of each paper and of each data set, and one of MMPose's."""
    named = [entry for entry in entries() if entry.aliases]
    kinds = {entry.paper: entry.aliases[0] for entry in named}
    kinds |= {entry.model["Metadata"]["Training Data"]: entry.aliases[0] for entry in named}
    paths = {find_config(alias) for alias in kinds.values()}
    paths.add(find_config("td-hm_hrnet-w32_8xb64-210e_coco-256x192"))
    seen = []
    for path in sorted(paths):
        about = describe(Config.fromfile(path))
        if (parts := (about["codec"], about["pipeline"])) not in seen:
            seen.append(parts)
            build_codec(parts[0], file=path)
            build_pipeline(parts[1], file=path)
            check_plain(about["meta"], file=path)
    assert len(seen) > 3


def test_a_pipeline_makes_crops() -> None:
    import numpy as np

    steps = [{**STEPS[0], "backend_args": {"backend": "local"}}, *STEPS[1:]]
    sample = dict(img=np.zeros((30, 40, 3), np.uint8), bbox=np.array([[0, 0, 40, 30]], np.float32))
    assert build_pipeline(steps, file="x")(sample)["inputs"].shape == (3, 64, 64)


def whole() -> dict:
    return {
        "model": {"type": "TopdownPoseEstimator", "head": {"type": "mmpose.HeatmapHead", "decoder": CODEC}},
        "custom_imports": {"imports": ["mmpose_ext"]},
        "metainfo": {"keypoint_info": {0: {"name": "nose", "type": "upper"}}},
        "det": {"_scope_": "mmdet", "type": "mmdet.CSPNeXt", "norm": {"type": "SyncBN"}},
    }


def test_whole_configs() -> None:
    check_config(whole(), file="a.pth")
    for name in ("xhrnet-18", "sharpose-256x192-s"):
        try:
            path = find_config(name)
        except ValueError:
            continue
        check_config(Config.fromfile(path).to_dict(), file=path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": {"type": "os.system", "command": "x"}},
            "registered name at model.type of a.pth, got .os.system.",
        ),
        ({"hooks": [{"type": "setup"}]}, r"hooks\[0\].type of a.pth, got 'setup'"),
        ({"keypoint_info": {0: {"deeper": {"type": "setup"}}}}, r"deeper.type of a.pth, got 'setup'"),
        ({"keypoint_info": {"hook": {"type": "setup"}}}, r"hook.type of a.pth, got 'setup'"),
        ({"keypoint_info": {0: {"type": "os.system"}}}, r"keypoint_info\[0\].type of a.pth, got 'os.system'"),
        ({"model": {"type": "mmdet.os"}}, "'mmdet.os'"),
        ({"model": {"type": os.system}}, "model.type of a.pth, got a builtin"),
        ({"custom_imports": {"imports": ["os"]}}, "custom_imports of a.pth, got 'os'"),
        ({"custom_imports": ["mmposeevil"]}, "'mmposeevil'"),
        ({"_base_": ["x.py"]}, "without keys such as _base_"),
        ({"a': __import__('os').system('x'), 'b": 1}, "plain words as keys"),
        ({"text": "{{$HOME:x}}"}, "without {{"),
        ({"big": 10**5000}, "a larger one"),
        ({"_scope_": "evil"}, "such as _base_"),
    ],
)
def test_whole_configs_that_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_config({**whole(), **change}, file="a.pth")
