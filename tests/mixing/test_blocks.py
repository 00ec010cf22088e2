"""Our blocks behind modules of MMPose's ResNet and HRNet."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from tests.mixing.networks import BLOCKS, STOCK, with_block


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("name", STOCK)
def test_it_learns_and_the_shapes_stay(name: str, block: str) -> None:
    plain, mixed = MODELS.build(STOCK[name].config), MODELS.build(with_block(name, block))
    plain.eval()  # MMPose's backbones return nothing here
    mixed.train()
    inside = [module for module in mixed.modules() if type(module).__name__ == block]
    assert len(inside) == 1
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = [x.shape for x in plain(images)]
    outputs = mixed(images)
    assert [x.shape for x in outputs] == expected
    sum((x * torch.randn(x.shape)).sum() for x in outputs).backward()
    learning = [parameter.grad is not None and bool(parameter.grad.any()) for parameter in inside[0].parameters()]
    assert sum(learning) >= len(learning) - 1  # a bias before a norm or a softmax has no gradient


@pytest.mark.parametrize("name", STOCK)
def test_weights_of_the_plain_network_load(name: str) -> None:
    """What is missing belongs to the block."""
    plain, mixed = MODELS.build(STOCK[name].config), MODELS.build(with_block(name, "FeatureShiftModule"))
    missing, unexpected = mixed.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and missing and all("_plugin" in key for key in missing)


CONFIGS = {
    "ResNet": "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py",
    "HRNet": "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_in_a_stock_config(name: str, tmp_path: Any) -> None:
    """A config that inherits MMPose's, with its pretrained weights, gets the block by six lines."""
    plugin = dict(cfg=dict(type="HighLevelSpatialAttention"), after=STOCK[name].after)
    path = tmp_path / "mixed.py"
    path.write_text(
        f'_base_ = ["{CONFIGS[name]}"]\ncustom_imports = dict(imports=["mmpose_ext"])\n'
        'model = dict(backbone=dict(_delete_=True, type="backbone_with_plugins", '
        f"backbone=_base_.model.backbone, plugins=[{plugin}]))"
    )
    backbone = Config.fromfile(path).model.backbone
    assert backbone.backbone.type == name and backbone.backbone.init_cfg
    backbone.backbone.init_cfg = None
    assert any("hsa" in key for key in MODELS.build(backbone).state_dict())
