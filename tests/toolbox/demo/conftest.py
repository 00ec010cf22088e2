"""A desk with a tiny network behind it, and a picture."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mmpose_ext.toolbox.demo import Desk, Studio
from mmpose_ext.toolbox.demo.desk import Fields, Upload

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tiny import TOP_DOWN, write_checkpoint, write_config


class Tiny(NamedTuple):
    config: Path
    checkpoint: Path
    picture: Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    root = tmp_path_factory.mktemp("demo")
    config = write_config(root, TOP_DOWN)
    return Tiny(config, write_checkpoint(config), root / "001.jpg")


@pytest.fixture
def fields(tiny: Tiny) -> Callable[..., Fields]:
    """Fields of the page with a picture and the tiny model in them."""

    def fill(**changed) -> Fields:
        return Fields(Upload(tiny.picture, "me at home.jpg"), str(tiny.config))._replace(**changed)

    return fill


@pytest.fixture
def desk(tmp_path: Path, tiny: Tiny) -> Desk:
    return Desk(Studio(), folder=tmp_path / "results", model=str(tiny.config), checkpoint=tiny.checkpoint)
