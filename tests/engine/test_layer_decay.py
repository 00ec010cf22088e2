"""Layer-wise learning rates: those of the official code, and the keys that MMPose's constructor ignores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.convert.sharpose import sharpose_key

CONFIGS = Path(__file__).resolve().parents[2] / "configs/body_2d_keypoint/sharpose"


def groups(model: nn.Module, cfg: dict) -> dict[str, tuple[float, float]]:
    """Parameter -> learning rate and weight decay, as the optimizer has them."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    optimizer = build_optim_wrapper(model, cfg).optimizer
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize("name", ["small_256x192", "base_256x192", "base_384x288"])
def test_groups_of_the_official_code(reference, name):
    size, shape = name.split("_")
    (path,) = CONFIGS.glob(f"td-hm_sharpose-{size}_*_coco-{shape}.py")
    config = Config.fromfile(path)
    with torch.device("meta"):
        model = MODELS.build(config.model)
    official = json.loads((reference / "sharpose" / f"optimizer_groups_sharpose_{name}.json").read_text())
    ours = groups(model, config.optim_wrapper)
    assert ours.keys() == {sharpose_key(key) for key in official}
    for key, expected in official.items():
        rate, decay = ours[sharpose_key(key)]
        assert rate == pytest.approx(expected["lr"], rel=1e-6), key
        assert decay == pytest.approx(expected["weight_decay"]), key


class Net(nn.Module):
    """A stem, two blocks, a head."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.patch_embed = nn.Linear(2, 2)
        self.backbone.token = nn.Parameter(torch.zeros(1, 2))
        self.backbone.blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
        self.head = nn.Linear(2, 2)
        self.frozen = nn.Parameter(torch.zeros(2, 2), requires_grad=False)


def wrapper(**paramwise) -> dict:
    return dict(
        optimizer=dict(type="AdamW", lr=1.0, weight_decay=0.1),
        constructor="LayerDecayConstructor",
        paramwise_cfg=paramwise,
    )


def test_rules_and_custom_keys():
    cfg = wrapper(
        layer_decay_rate=0.5,
        stem=["patch_embed", "token"],
        custom_keys={"token": dict(decay_mult=0.0), "head": dict(lr_mult=10.0), "head.weight": dict(decay_mult=2.0)},
    )
    assert groups(Net(), cfg) == {
        "backbone.patch_embed.weight": (0.125, 0.1),
        "backbone.patch_embed.bias": (0.125, 0.0),
        "backbone.token": (0.125, 0.0),
        "backbone.blocks.0.weight": (0.25, 0.1),
        "backbone.blocks.0.bias": (0.25, 0.0),
        "backbone.blocks.1.weight": (0.5, 0.1),
        "backbone.blocks.1.bias": (0.5, 0.0),
        "head.weight": (1.0, 0.2),  # the longer key counts
        "head.bias": (10.0, 0.0),
    }


@pytest.mark.parametrize(
    ("paramwise", "message"),
    [
        (dict(stem=["token"]), "expected layer_decay_rate"),
        (dict(layer_decay_rate=0.5, num_layers=2), "got layer_decay_rate, num_layers"),
        (dict(layer_decay_rate=0.5, stem=["tokens"]), "none contains tokens"),
        (dict(layer_decay_rate=0.5, custom_keys={"pos_embed": {}}), "none contains pos_embed"),
        (dict(layer_decay_rate=0.5, blocks="backbone.layers"), r"none contains backbone.layers\."),
    ],
)
def test_what_fits_nothing_is_an_error(paramwise, message):
    with pytest.raises(ValueError, match=message):
        groups(Net(), wrapper(**paramwise))
