"""Plain vision transformers as initialisation: the four ways their keys are written."""

from __future__ import annotations

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from mmpose_ext.convert import vit
from mmpose_ext.models.sharpose import SHaRPose, SHaRPoseOneStage
from mmpose_ext.toolbox.conversion import convert_checkpoint

PARTS = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
MMPRETRAIN = ("ln1", "attn.qkv", "attn.proj", "ln2", "ffn.layers.0.0", "ffn.layers.1")


def network() -> SHaRPose:
    return SHaRPose(dict(width=16, depth=2, num_heads=2), 5, input_size=(48, 64), patch_size=4)


def foreign(kind: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A state dict as it is written elsewhere, and what of it is to be found in ours."""
    expected = {
        key: torch.randn_like(value)
        for key, value in network().state_dict().items()
        if key.startswith(("blocks", "norm", "patch_embed"))
    }
    prefix = "backbone." if "vitpose" in kind else ""
    names = dict(zip(PARTS, MMPRETRAIN, strict=True)) if kind.startswith("mmpose") else {}
    found = {}
    for key, value in expected.items():
        name = key.replace("patch_embed.", "patch_embed.projection." if names else "patch_embed.proj.")
        if names:
            name = name.replace("norm.", "ln1.") if name.startswith("norm.") else name.replace("blocks", "layers")
            for ours, theirs in names.items():
                name = name.replace(f".{ours}.", f".{theirs}.")
        elif kind == "vitpose":
            name = name.replace("norm.", "last_norm.") if name.startswith("norm.") else name
        found[prefix + name] = value
    return found, expected


@pytest.mark.parametrize(
    ("kind", "positions", "extra", "first"),
    [
        ("mae", 197, ["cls_token", "mask_token", "decoder_blocks.0.norm1.weight"], 1),
        ("vitpose", 193, ["keypoint_head.final_layer.weight"], 1),
        ("mmpose-vitpose", 192, ["head.final_layer.weight"], 0),
        ("mmpose-mae", 197, [], 1),
    ],
)
def test_every_weight_finds_its_place(kind, positions, extra, first):
    state_dict, expected = foreign(kind)
    table = torch.randn(1, positions, 16)
    state_dict |= {("backbone." if "vitpose" in kind else "") + "pos_embed": table}
    converted = vit(state_dict | {key: torch.ones(1) for key in extra})
    assert set(converted) == {f"backbone.{key}" for key in [*expected, "coarse_positions", "fine_positions"]}
    for key, value in expected.items():
        assert torch.equal(converted[f"backbone.{key}"], value)
    assert torch.equal(converted["backbone.fine_positions"], table[:, first:])
    ours = network()
    missing, unexpected = ours.load_state_dict(
        {key.removeprefix("backbone."): value for key, value in converted.items()}, strict=False
    )
    assert not unexpected
    assert all(key.startswith(("keypoint_tokens", "quality", "reuse")) for key in missing)
    assert ours.fine_positions.any() and ours.fine_positions.shape == (1, 192, 16)


@pytest.mark.parametrize("key", ["state_dict", "model", None])
def test_the_command_reads_files_as_they_are_published(key, tmp_path):
    """MAE's hold their weights under ``model``."""
    state_dict, expected = foreign("mae")
    state_dict |= {"pos_embed": torch.randn(1, 197, 16), "cls_token": torch.randn(1, 1, 16)}
    torch.save({key: state_dict} if key else state_dict, tmp_path / "in.pth")
    written = convert_checkpoint(tmp_path / "in.pth", tmp_path / "out.pth", paper="vit")
    assert written.tensors == len(expected) + 2


@pytest.mark.parametrize("kind", ["mae", "vitpose", "mmpose-vitpose"])
@pytest.mark.parametrize("one_stage", [False, True])
def test_converted_when_loaded(kind, one_stage):
    """As it comes, for the backbone alone or in an estimator; what SHaRPose adds stays as it was."""
    state_dict, expected = foreign(kind)
    prefix = "backbone." if "vitpose" in kind else ""
    state_dict[prefix + "pos_embed"] = torch.randn(1, {"mae": 197, "vitpose": 193, "mmpose-vitpose": 192}[kind], 16)
    arguments = dict(arch=dict(width=16, depth=2, num_heads=2), num_keypoints=5, input_size=(48, 64), patch_size=4)
    backbone = SHaRPoseOneStage(scale=1.0, **arguments) if one_stage else SHaRPose(**arguments)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    load_state_dict(nn.ModuleDict({"backbone": backbone}) if prefix else backbone, state_dict)
    ours = backbone.state_dict()
    assert all(torch.equal(ours[key], value) for key, value in expected.items())
    assert ours["coarse_positions"].any() and (one_stage or ours["fine_positions"].any())
    rest = set(before) - set(expected) - {"coarse_positions", "fine_positions"}
    assert rest and all(torch.equal(ours[key], before[key]) for key in rest)


def test_a_file_without_the_prefix_is_refused_by_an_estimator():
    state_dict, _ = foreign("mae")
    with pytest.raises(ValueError, match="no tensor for SHaRPose.*'backbone.*mmpose-ext convert vit IN OUT"):
        load_state_dict(nn.ModuleDict({"backbone": network()}), state_dict | {"pos_embed": torch.randn(1, 197, 16)})


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (dict(width=32, depth=2, num_heads=2), "network of width 32, .* got backbone.coarse_positions of shape"),
        (dict(width=16, depth=3, num_heads=2), "network of 3 blocks, got 2"),
    ],
    ids=["width", "depth"],
)
def test_another_size_is_refused(arch, message):
    """MMEngine would leave out what does not fit, with a line in the log."""
    state_dict, _ = foreign("vitpose")
    state_dict["backbone.pos_embed"] = torch.randn(1, 193, 16)
    ours = SHaRPose(arch, 5, input_size=(48, 64), patch_size=4)
    with pytest.raises(ValueError, match=message):
        load_state_dict(nn.ModuleDict({"backbone": ours}), state_dict)


def test_another_network():
    with pytest.raises(ValueError, match="expected the state dict of a vision transformer.*'conv1.weight'"):
        vit({"conv1.weight": torch.ones(1)})
