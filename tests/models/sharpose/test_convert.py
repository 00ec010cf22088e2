"""`mmpose-ext convert sharpose`."""

from __future__ import annotations

import pytest
import torch

from mmpose_ext.toolbox.cli import main


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


def test_needs_no_shape(official, tmp_path):
    with pytest.raises(SystemExit, match="checkpoints of sharpose need no --shape"):
        main(["convert", "sharpose", str(official), str(tmp_path / "ours.pth"), "--shape", "256", "192"])
