"""How many steps a few persons take, and at which size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.studies.overfit import Persons, at_size, overfit, render
from tests.mixing.networks import Network
from tests.training.networks import FIVE, three_blocks, xhrnet

ROOT = Path(__file__).resolve().parents[3]
SHARPOSE = FIVE["SHaRPose"]
WIDER = {**SHARPOSE.backbone, "arch": dict(width=48, depth=4, num_heads=2)}
RATES: dict[str, tuple[Network, float]] = {
    "X-HRNet": (FIVE["X-HRNet"], 4e-3),
    "SHaRPose": (Network(WIDER, {**SHARPOSE.head, "in_channels": 48}, SHARPOSE.codec), 4e-3),
    "3Block+3FSM": (three_blocks(), 4e-3),
}
"""Network and the learning rate of Adam that it learns at; the others take minutes, see `tools/measure_overfit.py`."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("persons")


def persons(network: Network, folder: Path) -> Persons:
    return render(folder, network.codec, number=8)


@pytest.mark.slow
@pytest.mark.parametrize("name", RATES)
def test_eight_persons_by_heart(name: str, folder: Path) -> None:
    """PCK at 0.3 torsos, as a cell of a heatmap of 16x16 is 0.2 torsos wide."""
    network, lr = RATES[name]
    known = persons(network, folder)
    points = list(overfit(network.model, known, lr=lr, batch=8, max_steps=500, every=20, threshold=0.3))
    assert points[-1].pck >= 95, points


def test_a_training_that_learns_nothing(folder: Path) -> None:
    """The measurement tells: with a learning rate of zero the score stays."""
    points = list(overfit(xhrnet().model, persons(xhrnet(), folder), lr=0.0, batch=4, max_steps=4, every=2))
    assert [point.step for point in points] == [2, 4]
    assert all(point.pck < 50 for point in points)


def test_a_stopped_one_goes_on(folder: Path, tmp_path: Path) -> None:
    network, options = xhrnet(), dict(lr=1e-3, batch=4, every=1, state=tmp_path / "a.pth")
    whole = list(overfit(network.model, persons(network, folder), max_steps=4, **{**options, "state": None}))
    stopped = list(overfit(network.model, persons(network, folder), max_steps=2, **options))
    assert stopped == whole[:2]
    assert list(overfit(network.model, persons(network, folder), max_steps=4, **options)) == whole
    with pytest.raises(ValueError, match=r"expected a training of this network in .*a\.pth"):
        list(overfit(FIVE["SFM"].model, persons(FIVE["SFM"], folder), max_steps=4, **options))
    with pytest.raises(ValueError, match=r"a\.pth, got another file: it has .*'lr': 0.001"):
        list(overfit(network.model, persons(network, folder), max_steps=4, **{**options, "lr": 2e-3}))
    for content in (b"", b"no weights", b"PK\x03\x04"):
        options["state"].write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.pth, got another file"):
            list(overfit(network.model, persons(network, folder), max_steps=4, **options))


@pytest.mark.parametrize("name", ["xhrnet-18", "sharpose-small", "sfm", "td-hm_res50_8xb64-210e_coco-256x192"])
def test_another_size(name: str) -> None:
    config = at_size(Config.fromfile(find_config(name)), (128, 96))
    stride = 2 if name == "sfm" else 4
    assert config.codec.input_size == (128, 96) and config.codec.heatmap_size == (128 // stride, 96 // stride)
    assert config.model.head.decoder == config.codec
    assert config.model.backbone.get("input_size", (128, 96)) == (128, 96)
    assert config.model.backbone.get("init_cfg") is None


@pytest.mark.slow
def test_tool(tmp_path: Path) -> None:
    """In a process of its own, where nothing else has set MMPose's scope."""
    sizes = ["--persons", "4", "--batch", "2", "--max-steps", "2", "--every", "1", "--size", "64", "64"]
    command = [sys.executable, "-W", "ignore", "tools/measure_overfit.py", "xhrnet-18-synthetic", *sizes]
    subprocess.run([*command, "--out", tmp_path], cwd=ROOT, check=True)
    assert len((tmp_path / "xhrnet-18-synthetic@0.001_0.csv").read_text().splitlines()) == 3
