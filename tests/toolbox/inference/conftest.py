"""A tiny config with a checkpoint, and pictures to look at."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tiny import TOP_DOWN, write_checkpoint, write_config


class Tiny(NamedTuple):
    config: Path
    checkpoint: Path
    pictures: list[Path]
    boxes: Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    root = tmp_path_factory.mktemp("tiny")
    config = write_config(root, TOP_DOWN)
    boxes = {"001.jpg": [[4, 4, 40, 50], [10, 0, 30, 60, 0.1]], "002.jpg": [], "003.jpg": [[0, 0, 64, 64, 0.9]]}
    (root / "boxes.json").write_text(json.dumps(boxes))
    return Tiny(config, write_checkpoint(config), sorted(root.glob("*.jpg")), root / "boxes.json")


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "walk.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (96, 64))
    for i in range(7):
        writer.write(np.full((64, 96, 3), 30 * i, dtype=np.uint8))
    writer.release()
    return path
