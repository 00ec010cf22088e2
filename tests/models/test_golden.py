"""The golden files of the trainings are what the official codes give.

Runs where ``MMPOSE_EXT_OFFICIAL`` names a folder with checkouts of github.com/cool-xuan/x-hrnet (commit cf05367) as
``xhrnet`` and of github.com/AnxQ/sharpose (89ffc1b) as ``sharpose``, which have no license and are no part of this
repository. A golden file that is missing is written. Their model files run unchanged on the MMPose of today: names that
it has lost are put back for the time of the test. The 1x1 convolution of X-HRNet's head and the mean squared error over
labeled keypoints are written here, since nothing else of MMPose 0.x is needed. All is in float64.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mmcv.cnn
import mmengine.model
import mmpose.models
import mmpose.models.backbones.utils
import mmpose.utils
import numpy as np
import pytest
import torch
from mmcv.cnn.bricks import DropPath
from mmengine.registry import Registry
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from tests.models import trajectory
from tests.models.sharpose import test_training as sharpose
from tests.models.trajectory import Batch, Course, fill
from tests.models.xhrnet import test_training as xhrnet

HERE = Path(__file__).parent


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, and float64 as default type, in which the official code makes its placeholders."""
    if "MMPOSE_EXT_OFFICIAL" not in os.environ:
        pytest.skip("MMPOSE_EXT_OFFICIAL names no folder with the official repositories")
    torch.set_default_dtype(torch.float64)
    monkeypatch.setattr(mmpose.utils, "get_root_logger", lambda: None, raising=False)
    yield Path(os.environ["MMPOSE_EXT_OFFICIAL"])
    torch.set_default_dtype(torch.float32)


def masked_mse(heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """The mean over keypoints of the mean squared error of each, as ``JointsMSELoss`` has it."""
    weights = weights.reshape(*heatmaps.shape[:2], 1, 1)
    return ((heatmaps * weights - target * weights) ** 2).mean()


def load(name: str, path: Path) -> types.ModuleType:
    """Import a file under a name."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def official_xhrnet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> type[nn.Module]:
    """The class of the backbone."""
    for name in ("constant_init", "normal_init"):
        monkeypatch.setattr(mmcv.cnn, name, getattr(mmengine.model, name), raising=False)
    monkeypatch.setattr(mmpose.models, "BACKBONES", Registry("backbones of X-HRNet"), raising=False)
    monkeypatch.setattr(mmpose.models.backbones.utils, "load_checkpoint", None, raising=False)
    return load("official_xhrnet", folder / "models" / "backbones" / "xhrnet.py").XHRNet


def official_sharpose(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[type[nn.Module], type[nn.Module]]:
    """The classes of backbone and head."""

    def stub(name: str, **attributes: Any) -> None:
        module = types.ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)

    stub("timm")
    stub("timm.models")
    stub("timm.models.layers", DropPath=DropPath, to_2tuple=to_2tuple, trunc_normal_=nn.init.trunc_normal_)
    stub("mmcv_custom", load_checkpoint=None)
    registries = dict(BACKBONES=Registry("backbones"), HEADS=Registry("heads"))
    stub("mmpose.models.builder", **registries, build_loss=lambda config: masked_mse)
    stub("mmpose.models.heads.topdown_heatmap_base_head", TopdownHeatmapBaseHead=nn.Module)
    stub("mmpose.core")
    stub("mmpose.core.post_processing", flip_back=None, transform_preds=None)
    stub("einops", rearrange=lambda x, pattern, h, w: x.unflatten(-1, (h, w)), repeat=None)
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self)  # its head moves the OKS to a GPU
    stub("official_sharpose", __path__=[str(folder / "models")])
    load("official_sharpose.eval_utils", folder / "models" / "eval_utils.py")
    backbone = load("official_sharpose.sharpose", folder / "models" / "sharpose.py")
    head = load("official_sharpose.head", folder / "models" / "sharpose_qp_heatmap_head.py")
    return backbone.SHaRPose, head.SHaRPoseQPHeatmapHead


def agrees(path: Path, network: nn.Module, norms: Mapping[str, float], **results: Any) -> bool:
    """Whether a golden file has these results; a missing one is written."""
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        lengths = np.array([" ".join(map(str, shape)) for shape in shapes.values()])
        keys, norm_keys = np.array(list(shapes)), np.array(list(norms))
        values = np.array(list(norms.values()))
        np.savez_compressed(path, keys=keys, shapes=lengths, norm_keys=norm_keys, norms=values, **results)
    golden = trajectory.read(path)
    close = [np.allclose(np.array(value), golden.arrays[name], rtol=1e-7) for name, value in results.items()]
    return golden.shapes == shapes and golden.norms == pytest.approx(dict(norms), rel=1e-9, abs=1e-12) and all(close)


@pytest.mark.parametrize(
    ("name", "numbers", "course"),
    [("training", xhrnet.REDUCED, xhrnet.COURSE), ("first_step", *xhrnet.FULL)],
)
def test_xhrnet(
    name: str, numbers: Mapping[str, Any], course: Course, official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = numbers["channels"]
    spec = dict(
        num_modules=numbers["num_modules"],
        num_branches=(2, 3, 4),
        num_blocks=(2,) * 3,
        module_type=("sequential",) * 3,
        with_fuse=(True,) * 3,
        num_channels=tuple(tuple(channels[: stage + 2]) for stage in range(3)),
    )
    width = numbers["stem_channels"]
    stem = dict(stem_channels=width, out_channels=width, expand_ratio=1, down_ratio=4)
    cls = official_xhrnet(official / "xhrnet", monkeypatch)
    backbone = cls(extra=dict(stem=stem, num_stages=3, stages_spec=spec, with_head=True))
    head = nn.ModuleDict({"final_layer": nn.Conv2d(channels[0], 17, 1)})
    network = nn.ModuleDict({"backbone": backbone, "keypoint_head": head})
    network.load_state_dict(fill({key: value.shape for key, value in network.state_dict().items()}, course.seed))

    def losses(batch: Batch, epoch: int) -> dict[str, Tensor]:
        heatmaps = head["final_layer"](backbone(batch.images)[0])
        return dict(loss_kpt=masked_mse(heatmaps, batch.targets, batch.weights))

    rows, norms = trajectory.train(network, losses, course)
    network.eval()
    with torch.no_grad():
        after = losses(trajectory.batch(course.seed, course.size), 0)["loss_kpt"]
    assert agrees(HERE / "xhrnet" / "golden" / f"{name}.npz", network, norms, losses=rows, after=float(after))


@pytest.mark.parametrize(
    ("name", "numbers", "course"),
    [("training", sharpose.BACKBONE, sharpose.COURSE), ("first_step", *sharpose.FULL)],
)
def test_sharpose(
    name: str, numbers: Mapping[str, Any], course: Course, official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the quality loss and the gate from epoch ``BEGIN`` on."""
    height, width = course.size
    arch = numbers["arch"]
    backbone_class, head_class = official_sharpose(official / "sharpose", monkeypatch)
    backbone = backbone_class(
        img_sizes=[(height // 2, width // 2), (height, width)],
        patch_size=numbers["patch_size"],
        embed_dim=arch["width"],
        depth=arch["depth"],
        num_heads=arch["num_heads"],
        mlp_ratio=4,
        qkv_bias=True,
        alpha=numbers["alpha"],
        qp_threshold=sharpose.THRESHOLD,
        qp_start_epoch=sharpose.BEGIN,
    )
    head = head_class(in_channels=arch["width"], heatmap_size=(height // 4, width // 4), qp_start_epoch=sharpose.BEGIN)
    network = nn.ModuleDict({"backbone": backbone, "keypoint_head": head})
    network.load_state_dict(fill({key: value.shape for key, value in network.state_dict().items()}, course.seed))
    scale = np.array([width, height]) / 200
    sample = dict(scale=scale, center=scale * 100)
    refined, after = [], []

    def losses(batch: Batch, epoch: int) -> dict[str, Tensor]:
        backbone.train_epoch = head.train_epoch = epoch + 1  # which their runner counts from 1
        outputs = head(backbone(batch.images))
        samples = [sample] * len(batch.images)
        found = head.get_loss(outputs, batch.targets, batch.weights[..., None], samples)
        return dict(
            loss_coarse=found["heatmap_loss_0"], loss_fine=found["heatmap_loss_1"], loss_quality=found["qp_loss_0"]
        )

    def test(epoch: int) -> None:
        network.eval()
        batch = trajectory.batch(course.seed, course.size, persons=8)
        with torch.no_grad():
            features, (quality, number) = backbone(batch.images)
            heatmaps = head((features, (quality, number)))[-1]
        refined.append(int(number))
        after.append(float(masked_mse(heatmaps, batch.targets, batch.weights)))

    rows, norms = trajectory.train(network, losses, course, after_epoch=test)
    path = HERE / "sharpose" / "golden" / f"{name}.npz"
    assert agrees(path, network, norms, losses=rows, refined=refined, after=after)
