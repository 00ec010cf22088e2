"""Our backbones under MMPose's heads and codecs, our blocks in its backbones, and the examples of docs/mixing.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.testing import get_packed_inputs

import mmpose_ext

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tiny import write_config

PAGE = Path(__file__).resolve().parents[1] / "docs" / "mixing.md"
SMALL = dict(num_modules=(1, 1, 1), channels=(8, 16, 24, 32), stem_channels=8, num_blocks=1)
SSN = dict(type="SSNResNet", stem_channels=32, base_channels=32, shift_channels=6, num_stages=1, out_indices=(0,))
BACKBONES: dict[str, tuple[dict[str, Any], int, int]] = {
    "XHRNet": (dict(type="XHRNet", arch=SMALL, input_size=(64, 64)), 8, 4),
    "SFM": (dict(type="SFM", arch=dict(channels=(8, 12, 16))), 8, 2),
    "StackedHourglass": (dict(type="StackedHourglass", num_stacks=1, num_keypoints=None, channels=8, depth=2), 8, 4),
    "BDMPSCANet": (
        dict(type="BDMPSCANet", num_stacks=1, num_keypoints=None, channels=8, depth=3, reduced_channels=16),
        8,
        4,
    ),
    "SSNResNet": (SSN, 128, 4),
}
"""Name -> config, channels and stride of the last map."""
HEADS = ("msra", "dark", "udp", "udp combined", "batched udp", "simcc", "rtmcc", "regression")
GAU = dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0.0, drop_path=0.0, act_fn="SiLU")
GAU |= dict(use_rel_bias=False, pos_enc=False)


def head(name: str, channels: int, side: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A head and, where it needs one, a neck, for a map of `side` x `side`."""
    size = dict(input_size=(64, 64))
    common: dict[str, Any] = dict(in_channels=channels, out_channels=17)
    if name == "regression":
        common = dict(in_channels=channels, num_joints=17, loss=dict(type="SmoothL1Loss", use_target_weight=True))
        decoder = dict(type="RegressionLabel", **size)
        return dict(type="RegressionHead", **common, decoder=decoder), dict(type="GlobalAveragePooling")
    if name in ("simcc", "rtmcc"):
        codec = dict(type="SimCCLabel", **size, sigma=2.0, simcc_split_ratio=2.0, use_dark=False, normalize=False)
        options = dict(in_featuremap_size=(side, side), simcc_split_ratio=2.0, decoder=codec, **size)
        loss = dict(type="KLDiscretLoss", use_target_weight=True)
        if name == "simcc":
            return dict(type="SimCCHead", **common, **options, deconv_out_channels=None, loss=loss), None
        return dict(type="RTMCCHead", **common, **options, gau_cfg=GAU, final_layer_kernel_size=3, loss=loss), None
    codecs = {
        "msra": dict(type="MSRAHeatmap", sigma=1),
        "dark": dict(type="MSRAHeatmap", sigma=1, unbiased=True),
        "udp": dict(type="UDPHeatmap", sigma=1),
        "udp combined": dict(type="UDPHeatmap", heatmap_type="combined"),
        "batched udp": dict(type="BatchedUDPHeatmap", sigma=1),
    }
    codec = dict(**codecs[name], **size, heatmap_size=(side, side))
    loss = dict(type="CombinedTargetMSELoss" if name == "udp combined" else "KeypointMSELoss", use_target_weight=True)
    common["out_channels"] *= 3 if name == "udp combined" else 1
    return dict(type="HeatmapHead", **common, deconv_out_channels=None, loss=loss, decoder=codec), None


@pytest.mark.parametrize("head_name", HEADS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_backbone_and_head(backbone: str, head_name: str) -> None:
    """It learns from the codec's own targets (every weight of the backbone has a gradient) and predicts."""
    config, channels, stride = BACKBONES[backbone]
    head_config, neck = head(head_name, channels, 64 // stride)
    train_cfg = dict(compute_acc=False)  # which MMPose can't for three maps to a key point
    parts = dict(backbone=config, neck=neck, head=head_config, train_cfg=train_cfg)
    model = MODELS.build(dict(type="TopdownPoseEstimator", **parts))
    packed = get_packed_inputs(2, num_keypoints=17, img_shape=(64, 64), input_size=(64, 64))
    images = torch.stack(packed["inputs"]).float() / 255
    samples = with_targets(head_config["decoder"], packed["data_samples"])
    losses = model.train().loss(images, samples)
    sum(value for name, value in losses.items() if "loss" in name).backward()
    gradients = [parameter.grad is not None and parameter.grad.any() for parameter in model.backbone.parameters()]
    assert sum(map(bool, gradients)) > 0.8 * len(gradients)
    with torch.no_grad():
        results = model.eval().predict(images, samples)
    assert all(result.pred_instances.keypoints.shape == (1, 17, 2) for result in results)


def with_targets(codec: dict[str, Any], samples: list) -> list:
    """The samples with what the codec makes of their key points."""
    encoder = KEYPOINT_CODECS.build(codec)
    for sample in samples:
        points = sample.gt_instances.keypoints[:1] % 64
        encoded = encoder.encode(points.astype("float32"), torch.ones(points.shape[:2]).numpy())
        for name, target in encoder.label_mapping_table.items():
            sample.gt_instance_labels.set_field(torch.as_tensor(encoded[name]), target)
        if "heatmaps" in encoded:
            sample.gt_fields = PixelData(heatmaps=torch.as_tensor(encoded["heatmaps"]))
    return samples


BLOCKS = ("HighLevelSpatialAttention", "SpatialAttention", "SharperSpatialAttention")
HRNET = {
    f"stage{i + 1}": dict(
        num_modules=1,
        num_branches=i + 1,
        block="BASIC" if i else "BOTTLENECK",
        num_blocks=(1,) * (i + 1),
        num_channels=tuple(8 * 2**j for j in range(i + 1)),
    )
    for i in range(4)
}
STOCK = {
    "ResNet": (dict(type="ResNet", depth=18, base_channels=8, stem_channels=8), "layer2", 16),
    "HRNet": (dict(type="HRNet", extra=HRNET), "layer1", 32),
}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("name", STOCK)
def test_block_in_a_stock_backbone(name: str, block: str) -> None:
    """The block is there, its parameters learn, and the shapes stay."""
    config, after, channels = STOCK[name]
    plain = MODELS.build(config)
    plain.eval()  # MMPose's backbones return nothing here
    plugin = dict(cfg=dict(type=block, in_channels=channels), after=(after,))
    mixed = MODELS.build(dict(type="backbone_with_plugins", backbone=config, plugins=[plugin]))
    inside = [module for module in mixed.modules() if type(module).__name__ == block]
    assert len(inside) == 1
    mixed.train()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = [x.shape for x in plain(images)]
    outputs = mixed(images)
    assert [x.shape for x in outputs] == expected
    sum((x * torch.randn(x.shape)).sum() for x in outputs).backward()
    assert all(any(p.grad is not None and p.grad.any() for p in module.parameters()) for module in inside)


EXAMPLES = re.findall(r"^### (.*?)\n.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_page_has_three_examples() -> None:
    assert len(EXAMPLES) == 3 and mmpose_ext.__version__


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_example_trains(title: str, code: str, tmp_path: Path) -> None:
    """The example, over a config of a few pictures, trains two iterations and is tested."""
    config = Config.fromfile(write_config(tmp_path))
    config.merge_from_dict(dict(train_cfg=dict(max_epochs=1, val_interval=1)))
    example = Config.fromstring(code, ".py")
    config.model = example.model
    for loader in (config.train_dataloader, config.val_dataloader):
        for step in loader.dataset.pipeline:
            if step.type == "GenerateTarget":
                step.encoder = example.codec
            if step.type == "TopdownAffine":
                step.use_udp = "UDP" in example.codec.type
    config.default_hooks.checkpoint = None
    with DefaultScope.overwrite_default_scope("mmpose"):
        runner = Runner.from_cfg(config)
        before = [parameter.detach().clone() for parameter in runner.model.parameters()]
        runner.train()
    assert runner.iter == 2
    assert any(not torch.equal(a, b) for a, b in zip(before, runner.model.parameters(), strict=True))
