"""Frozen stages stay as they are, and all others learn."""

from __future__ import annotations

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from tests.mixing.networks import Network
from tests.training.networks import batch, build, scanet, sfm, sharpose, ssn, stacks, xhrnet

CASES: dict[str, tuple[Network, tuple[str, ...]]] = {
    "XHRNet": (xhrnet(frozen_stages=1), ("stem", "transitions.0", "stages.0")),
    "SHaRPose": (
        sharpose(drop_path_rate=0.5, frozen_stages=2),
        ("patch_embed", "coarse_positions", "fine_positions", "blocks.0", "blocks.1"),
    ),
    "SHaRPoseEViT": (
        sharpose("SHaRPoseEViT", prune_at=(1,), frozen_stages=0),
        ("patch_embed", "coarse_positions"),
    ),
    "SSNResNet": (ssn(frozen_stages=1), ("conv1", "gn1", "layer1", "fsms.layer1_0", "fsms.layer1_1")),
    "BDMPSCANet": (scanet(frozen_stages=1), ("stem", "stacks.0")),
    "StackedHourglass": (stacks("StackedHourglass", frozen_stages=0), ("stem",)),
    "SFM": (sfm(frozen_stages=2), ("stem", "down1", "up1")),
}
LAYER_DECAY = dict(
    constructor="LayerDecayConstructor",
    paramwise_cfg=dict(layer_decay_rate=0.75, blocks="backbone.blocks", stem=["_token", "_positions", "patch_embed"]),
)


@pytest.mark.parametrize("name", CASES)
def test_a_step(name: str) -> None:
    network, frozen = CASES[name]
    model = build(network)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    options = LAYER_DECAY if name == "SHaRPose" else {}
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type="Adam", lr=1e-2), **options))
    images, samples = batch(network.codec, 2)
    loss, _ = model.parse_losses(model(images, samples, mode="loss"))
    wrapper.update_params(loss)
    prefixes = tuple(f"backbone.{part}" for part in frozen)
    parameters = {key for key, _ in model.named_parameters()}
    for key, value in model.state_dict().items():
        same = torch.equal(value, before[key])
        if key.startswith(tuple(f"{prefix}." for prefix in prefixes)) or key in prefixes:
            assert same, f"{key} is frozen and changed"
        elif key in parameters and not key.endswith((".grouping.bias", ".score.bias")):  # a constant under a softmax
            assert not same, f"{key} did not learn"


@pytest.mark.parametrize("make", [xhrnet, sharpose, scanet, sfm])
@pytest.mark.parametrize("number", [-2, 9])
def test_stages_that_are_not_there(make, number: int) -> None:
    with pytest.raises(
        ValueError, match=f"frozen_stages must be -1 .none., 0 .the stem. or up to . stages, got {number}"
    ):
        build(make(frozen_stages=number))
