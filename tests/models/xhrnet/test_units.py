"""Seven small modules against the official code: outputs recorded once, weights and inputs filled by rule."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.models.backbones.litehrnet import IterativeHead, Stem
from torch import nn

from mmpose_ext import convert
from mmpose_ext.models.xhrnet import (
    MultiResolutionModule,
    SpatiallyUnidimensionalSelfAttention,
    XShuffleBlock,
)
from tests.models.trajectory import weight

GOLDEN = Path(__file__).with_name("golden")
UNITS = json.loads((GOLDEN / "units.json").read_text())
OUTPUTS = np.load(GOLDEN / "units.npz")
FIXED = dict(fixed=True, norm_cfg=dict(type="BN"))
PLACE = {  # unit -> where the official network has such a module, and where ours has it
    "unit_w_susa": ("stage0.0.layers.0.0.branch2.0", "stages.0.0.branches.0.0.layers.0."),
    "unit_h_susa": ("stage0.0.layers.0.0.branch2.2", "stages.0.0.branches.0.0.layers.2."),
    "unit_x_block": ("stage0.0.layers.0.0", "stages.0.0.branches.0.0."),
    "unit_px_block": ("stage0.0.layers.0.0", "stages.0.0.branches.0.0."),
    "unit_stem": ("stem", "stem."),
    "unit_module": ("stage0.0", "stages.0.0."),
    "unit_iterative_head": ("head_layer", "head_layer."),
}


def build(unit: str) -> nn.Module:
    return {
        "unit_w_susa": lambda: SpatiallyUnidimensionalSelfAttention(8, "W", length=72, fixed=True),
        "unit_h_susa": lambda: SpatiallyUnidimensionalSelfAttention(8, "H", length=96, fixed=True),
        "unit_x_block": lambda: XShuffleBlock(16, (96, 72), **FIXED),
        "unit_px_block": lambda: XShuffleBlock(32, (96, 72), block="parallel", **FIXED),
        "unit_stem": lambda: Stem(3, 32, 32, expand_ratio=1),
        "unit_module": lambda: MultiResolutionModule((16, 32, 64), (96, 72), num_blocks=2, **FIXED),
        "unit_iterative_head": lambda: IterativeHead([16, 32, 64]),
    }[unit]()


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_equal_to_the_official_module(unit):
    seed = int(OUTPUTS["seed"])
    official, ours = PLACE[unit]
    shapes = UNITS[unit]["state_dict"]
    values = {key.replace(unit, official, 1): weight(key, shape, seed) for key, shape in shapes.items()}
    marker = {"stage9.0.layers.0.0.branch2.0.group_weight": torch.ones(1, 1, 1, 72)}  # a stem alone is no X-HRNet
    converted = convert.xhrnet({**values, **marker})
    module = build(unit).eval()
    module.load_state_dict({key[len(ours) :]: v for key, v in converted.items() if key.startswith(ours)}, strict=True)
    inputs = [
        torch.from_numpy(np.random.RandomState(seed + 100 + i).standard_normal(shape).astype(np.float32))
        for i, shape in enumerate(UNITS[unit]["inputs"])
    ]
    with torch.inference_mode():
        outputs = module(inputs[0] if len(inputs) == 1 else inputs)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
    for i, output in enumerate(outputs):
        expected = OUTPUTS[f"{unit}_out{i}"]
        assert np.abs(output.numpy() - expected).max() <= 1e-5 * np.abs(expected).max()
