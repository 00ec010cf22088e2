"""Names of candidates: paths, package paths, base names, factories, and what is wrong with the others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.networks import input_shape, load_candidate

NAME = "td-hm_litehrnet-18_8xb64-210e_coco-256x192"
INNER = f"body_2d_keypoint/topdown_heatmap/coco/{NAME}.py"


def test_all_names_of_one_config() -> None:
    path = find_config(f"mmpose::{INNER}")
    assert path.is_file()
    assert find_config(NAME) == find_config(str(path)) == find_config(f"mmpose::{NAME}") == path


@pytest.mark.parametrize("name", [NAME.replace("litehrnet", "litehrnt"), f"mmpose::{INNER.replace('net-18', 'nt-18')}"])
def test_a_typo_gets_a_hint(name: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean .*{NAME}"):
        find_config(name)


@pytest.mark.parametrize("name", ["nowhere/x.py", "mmdet::rtmdet/x.py", "no_module:function", "math:no_function"])
def test_unusable_name(name: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        load_candidate(name)


@pytest.mark.parametrize(
    "config",
    [
        dict(codec=dict(input_size=(192, 256)), model=dict()),
        dict(codec=[dict(input_size=(192, 256)), dict(input_size=(192, 256))], model=dict()),
        dict(model=dict(head=dict(decoder=dict(input_size=(192, 256))))),
    ],
)
def test_input_shape_is_height_by_width(config: dict) -> None:
    assert input_shape(Config(config)) == (256, 192)


def test_no_shape() -> None:
    assert input_shape(Config(dict(model=dict(head=None)))) is None


def test_build_is_seeded_and_maps_images_to_heatmaps() -> None:
    candidate = load_candidate(NAME)
    first, second = candidate.build(seed=1), candidate.build(seed=1)
    assert candidate.require_shape() == (256, 192)
    x = torch.rand(1, 3, 64, 64)
    assert not first.training
    assert torch.equal(first(x), second(x))
    assert first(x).shape == (1, 17, 16, 16)


def test_factory_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    file.write_text("from torch import nn\n\n\ndef build():\n    return nn.Conv2d(3, 2, 1)\n")
    candidate = load_candidate(f"{file}:build", shape=(8, 8))
    assert isinstance(candidate.build(), nn.Conv2d)
    assert candidate.require_shape() == (8, 8)
    with pytest.raises(ValueError, match="--shape"):
        load_candidate(f"{file}:build").require_shape()
