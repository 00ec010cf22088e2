"""Configs and models of this package by the scope ``mmpose_ext``, also from an editable install.

From a wheel, and through mim, see ``test_mim.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmpose.apis import MMPoseInferencer
from mmpose.registry import MODELS

import mmpose_ext.registry

NAME = "body_2d_keypoint/xhrnet/td-hm_xhrnet-18_8xb64-210e_coco-256x192.py"


def test_base_of_a_config(tmp_path: Path) -> None:
    path = tmp_path / "child.py"
    path.write_text(f"_base_ = ['mmpose_ext::{NAME}']\nwork_dir = 'child'\n")
    config = Config.fromfile(path)
    assert config.model.backbone.type == "XHRNet"
    assert config.work_dir == "child"


def test_base_without_an_entry_in_the_index(tmp_path: Path) -> None:
    path = tmp_path / "child.py"
    path.write_text("_base_ = ['mmpose_ext::_base_/default_runtime.py']\n")
    assert Config.fromfile(path).default_scope == "mmpose"


def test_hub() -> None:
    assert get_config(f"mmpose_ext::{NAME}").model.backbone.type == "XHRNet"


def test_inferencer_by_alias() -> None:
    before = DefaultScope.get_current_instance()
    try:
        inferencer = MMPoseInferencer(
            pose2d="xhrnet-18", scope="mmpose_ext", det_model="whole_image", device="cpu", show_progress=False
        )
        (result,) = inferencer(np.zeros((64, 64, 3), np.uint8))
    finally:
        if before is not None:
            DefaultScope.get_instance("restored", scope_name=before.scope_name)
    assert len(result["predictions"][0][0]["keypoints"]) == 17


@pytest.mark.parametrize("name", ["XHRNet", "mmpose.XHRNet", "mmpose_ext.XHRNet"])
def test_class_by_name(name: str) -> None:
    for registry in (MODELS, mmpose_ext.registry.MODELS):
        assert registry.get(name).__name__ == "XHRNet"


def test_backbone_in_a_stock_config() -> None:
    stock = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_litehrnet-18_8xb64-210e_coco-256x192.py"
    model = get_config(stock).model
    ours = get_config(f"mmpose_ext::{NAME}").model
    model.backbone, model.head = ours.backbone, ours.head
    assert type(MODELS.build(model).backbone).__name__ == "XHRNet"
