"""A session with a tiny network behind it, and an uploaded image."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mmpose_ext.toolbox.demo import DemoSession, PosePredictor
from mmpose_ext.toolbox.demo.session import FormValues, Upload

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tiny import TOP_DOWN, write_checkpoint, write_config


class Tiny(NamedTuple):
    config: Path
    checkpoint: Path
    image: Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    root = tmp_path_factory.mktemp("demo")
    config = write_config(root, TOP_DOWN)
    return Tiny(config, write_checkpoint(config), root / "001.jpg")


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[Path, str], Upload]:
    """Copies a file into the upload folder of the session."""

    def copy(path: Path, name: str) -> Upload:
        target = tmp_path / "uploads" / path.name
        target.parent.mkdir(exist_ok=True)
        return Upload(Path(shutil.copy2(path, target)), name)

    return copy


@pytest.fixture
def form(tiny: Tiny, upload) -> Callable[..., FormValues]:
    """A form with an image and the tiny model."""

    def fill(**changed) -> FormValues:
        return FormValues(upload(tiny.image, "me at home.jpg"), str(tiny.config))._replace(**changed)

    return fill


@pytest.fixture
def session(tmp_path: Path, tiny: Tiny) -> DemoSession:
    return DemoSession(PosePredictor(), folder=tmp_path, model=str(tiny.config), checkpoint=tiny.checkpoint)
