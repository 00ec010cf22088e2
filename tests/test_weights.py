"""The weights in the package: found by name everywhere, made again from a checkpoint, and able to find a pose."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import CheckpointLoader

from mmpose_ext.evaluation.torso_pck import torso_distances
from mmpose_ext.toolbox.catalogue.pretrained import find_pretrained, pretrained_networks, pretrained_weights
from mmpose_ext.toolbox.commands.arguments import checkpoint_path
from mmpose_ext.toolbox.inference.estimators import Crop, TorchEstimator
from mmpose_ext.toolbox.publishing import read_source
from mmpose_ext.toolbox.publishing.shipped import half_precision, ship, shipped_cards
from mmpose_ext.weights import DEFAULT, find_weights, shipped_weights

NAME = "xhrnet-18-lsp"


def test_every_file_has_a_config_and_a_card(root: Path) -> None:
    assert NAME == DEFAULT in shipped_weights()
    assert {network.weights for network in pretrained_networks().values()} == set(shipped_weights().values())
    for path, text in shipped_cards(root).items():
        assert path.read_text() == text, "run tools/generate_tables.py"
    assert {path.stem for path in shipped_cards(root)} == set(shipped_weights())
    assert sum(path.stat().st_size for path in shipped_weights().values()) < 4e6


@pytest.mark.parametrize("name", [NAME, f"mmpose_ext://{NAME}", f"mmpose_ext://{NAME}/"])
def test_mmengine_loads_by_name(name: str) -> None:
    content = CheckpointLoader.load_checkpoint(name, "cpu", logger="silent")
    assert content["meta"]["alias"] == NAME
    assert content["state_dict"]["head.final_layer.weight"].dtype == torch.float16
    assert content["meta"]["dataset_meta"]["num_keypoints"] == 14


def test_names(root: Path) -> None:
    network = find_pretrained()
    assert network.weights == find_weights(NAME) and network.config.stem.endswith("_lsp-128x96")
    assert find_pretrained(network.config.stem) == find_pretrained(str(network.config)) == network
    with pytest.raises(
        ValueError, match=f"expected a checkpoint with xhrnet-18: the package has weights of {NAME} only"
    ):
        find_pretrained("xhrnet-18")
    assert pretrained_weights(NAME) == network.weights and pretrained_weights("xhrnet-18") is None
    assert checkpoint_path(None, config=NAME) == checkpoint_path(NAME) == network.weights
    assert checkpoint_path("none", config=NAME) is None
    with pytest.raises(ValueError, match="did you mean"):
        find_pretrained("xhrnet-18-lps")
    with pytest.raises(ValueError, match=f"expected weights that the package ships .{NAME}., got 'mmpose_ext://other'"):
        CheckpointLoader.load_checkpoint("mmpose_ext://other", "cpu", logger="silent")


def test_ship_again(tmp_path: Path) -> None:
    source = read_source(find_weights(NAME))
    path = ship(source, NAME, folder=tmp_path, today=date(2026, 11, 21))
    again = read_source(path)
    assert all(torch.equal(again.state_dict[name], value) for name, value in source.state_dict.items())
    assert again.meta["source_sha256"] == source.sha256
    with pytest.raises(ValueError, match=r"averaging is \(24,\), not \(48,\)"):
        ship(source, "xhrnet-18", folder=tmp_path)
    with pytest.raises(ValueError, match="expected the alias of a config"):
        ship(source, "lsp", folder=tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [f"{NAME}.safetensors"]


def test_half_precision() -> None:
    weights = dict(kernel=torch.tensor([[1 / 3]]), variance=torch.tensor([1e-9]), steps=torch.tensor(3))
    rounded = half_precision(weights)
    assert rounded["kernel"].dtype == torch.float16
    assert rounded["variance"].item() == weights["variance"].item() and rounded["steps"].dtype == torch.int64
    with pytest.raises(ValueError, match="larger ones in kernel"):
        half_precision(dict(kernel=torch.full((1, 1), 1e6)))


def test_finds_poses_in_photographs(data: Path) -> None:
    """More than a quarter of the keypoints of LSPET val within 0.2 of the torso."""
    content = json.loads((data / "lspet/annotations/lspet_val.json").read_text())
    estimator = TorchEstimator(NAME, str(find_weights(NAME)))
    names = {image["id"]: image["file_name"] for image in content["images"]}
    crops, truths = [], []
    for annotation in content["annotations"][:32]:
        left, top, width, height = annotation["bbox"]
        image = cv2.imread(str(data / "lspet/images" / names[annotation["image_id"]]))
        crops.append(Crop(image, np.array([left, top, left + width, top + height, 1.0], dtype=np.float32)))
        truths.append(np.array(annotation["keypoints"]).reshape(14, 3))
    truth = np.stack(truths)
    predicted = np.stack([pose.keypoints for pose in estimator(crops)])
    distances = torso_distances(predicted, truth[..., :2], truth[..., 2] > 0, torso=(9, 2))
    assert np.mean(distances[~np.isnan(distances)] <= 0.2) > 0.25
