"""`mmpose-ext convert`: what it writes, and what it says about a file that it can't use."""

import re
from pathlib import Path

import pytest
import torch

from mmpose_ext.toolbox.cli import main

KEY = "backbone.stage0.0.layers.0.0.branch2.2.group_weight"


@pytest.fixture
def official(tmp_path: Path) -> Path:
    path = tmp_path / "official.pth"
    torch.save({"state_dict": {KEY: torch.ones(1, 1, 96, 1)}, "meta": {}, "optimizer": {}}, path)
    return path


def test_writes_our_keys_and_leaves_the_source(official, tmp_path):
    before = official.read_bytes()
    out = tmp_path / "new" / "ours.pth"
    assert main(["convert", "xhrnet", str(official), str(out), "--shape", "256", "192"]) == 0
    written = torch.load(out, weights_only=True)
    (key,) = written["state_dict"]
    assert key == "backbone.stages.0.0.branches.0.0.layers.2.averaging"
    assert written["state_dict"][key].shape == (64,)
    assert official.read_bytes() == before


def test_keeps_the_official_length_without_a_shape(official, tmp_path):
    out = tmp_path / "ours.pth"
    assert main(["convert", "xhrnet", str(official), str(out)]) == 0
    assert next(iter(torch.load(out, weights_only=True)["state_dict"].values())).shape == (96,)


def test_complains_by_name(official, tmp_path, capsys):
    out = tmp_path / "ours.pth"
    (tmp_path / "broken.pth").write_bytes(b"no checkpoint")
    torch.save({"state_dict": {"stem.weight": torch.ones(1)}}, tmp_path / "other.pth")
    for arguments, message in (
        ([str(tmp_path / "absent.pth"), str(out)], "absent.pth, which does not exist"),
        ([str(tmp_path / "broken.pth"), str(out)], "broken.pth"),
        ([str(tmp_path / "other.pth"), str(out)], "other.pth: expected the state dict of an official X-HRNet"),
        ([str(official), str(official)], "exists already"),
        (
            [str(official), str(out), "--shape", "250", "192"],
            r"multiples of 32 and at most \(288, 384\), got \(192, 250\)",
        ),
    ):
        assert main(["convert", "xhrnet", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(f"^mmpose-ext convert: .*{message}", line)
        assert not out.exists()
