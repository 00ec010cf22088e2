"""How many steps a few persons take, and at which size."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.studies.overfit import Persons, at_size, overfit, render
from tests.mixing.networks import Network
from tests.training.networks import xhrnet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("persons")


def persons(network: Network, folder: Path) -> Persons:
    return render(folder, network.codec, number=8)


def test_a_training_that_learns_nothing(folder: Path) -> None:
    """The measurement tells: with a learning rate of zero the score stays."""
    points = list(overfit(xhrnet().model, persons(xhrnet(), folder), lr=0.0, batch=4, max_steps=4, every=2))
    assert [point.step for point in points] == [2, 4]
    assert all(point.pck < 50 for point in points)


@pytest.mark.parametrize("name", ["xhrnet-18", "sharpose-small", "sfm", "td-hm_res50_8xb64-210e_coco-256x192"])
def test_another_size(name: str) -> None:
    config = at_size(Config.fromfile(find_config(name)), (128, 96))
    stride = 2 if name == "sfm" else 4
    assert config.codec.input_size == (128, 96) and config.codec.heatmap_size == (128 // stride, 96 // stride)
    assert config.model.head.decoder == config.codec
    assert config.model.backbone.get("input_size", (128, 96)) == (128, 96)
    assert config.model.backbone.get("init_cfg") is None
