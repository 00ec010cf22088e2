"""`mmpose-ext convert sharpose`."""

from __future__ import annotations

import re

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from mmpose.registry import MODELS

from mmpose_ext.convert import sharpose
from mmpose_ext.toolbox.cli import main

OFFICIAL = (
    (r"^head\.keypoint_decoder\.", "keypoint_head.heatmap_mlp."),
    (r"\bpatch_embed\.", "patch_embed.proj."),
    (r"\bcoarse_positions$", "pos_embed_list.0"),
    (r"\bfine_positions$", "pos_embed_list.1"),
    (r"\breuse\.norm\.", "reuse_block.0."),
    (r"\breuse\.mlp\.", "reuse_block.1."),
    (r"\bquality_predictor\.layers\.2\.", "quality_predictor.mlp.3."),
    (r"\bquality_predictor\.layers\.4\.", "quality_predictor.mlp.6."),
    (r"\bquality_predictor\.layers\.", "quality_predictor.mlp."),
)
"""Our keys -> the official ones; the official MLP has dropouts between its layers."""


@pytest.fixture
def official(tmp_path):
    path = tmp_path / "official.pth"
    state_dict = {"backbone.quality_token": torch.ones(1, 1, 4), "keypoint_head.heatmap_mlp.1.bias": torch.ones(2)}
    torch.save({"state_dict": state_dict}, path)
    return path


def test_writes_our_keys(official, tmp_path):
    out = tmp_path / "ours.pth"
    assert main(["convert", "sharpose", str(official), str(out)]) == 0
    written = torch.load(out, weights_only=True)["state_dict"]
    assert set(written) == {"backbone.quality_token", "head.keypoint_decoder.1.bias"}


def test_needs_no_shape(official, tmp_path, capsys):
    assert main(["convert", "sharpose", str(official), str(tmp_path / "ours.pth"), "--shape", "256", "192"]) == 2
    assert "checkpoints of sharpose need no --shape" in capsys.readouterr().err


def test_official_file_is_converted_when_loaded():
    """By MMEngine, into a whole estimator, with MMPose's old name of the head."""
    arch = dict(width=8, depth=2, num_heads=2)
    backbone = dict(type="SHaRPose", arch=arch, num_keypoints=3, input_size=(32, 48), patch_size=4)
    head = dict(type="SHaRPoseHead", in_channels=8, out_channels=3, heatmap_size=(8, 12))
    network = MODELS.build(dict(type="TopdownPoseEstimator", backbone=backbone, head=head))
    expected = {key: torch.randn_like(value) for key, value in network.named_parameters()}
    official = {}
    for key, value in expected.items():
        for pattern, replacement in OFFICIAL:
            key = re.sub(pattern, replacement, key)
        official[key] = value
    assert len(official) == len(expected) and set(sharpose(official)) == set(expected)
    load_state_dict(network, official, strict=True)
    assert all(torch.equal(value, expected[key]) for key, value in network.named_parameters())
