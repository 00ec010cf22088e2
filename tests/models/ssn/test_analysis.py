"""What the analyses say about networks whose answers are known."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.models.ssn import FeatureShiftModule, SSNResNet
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.studies.ssn import (
    SOURCES,
    effective_receptive_field,
    modules_of,
    offsets_of,
    record,
    scores,
    shifted_positions,
)
from mmpose_ext.toolbox.studies.ssn_plots import draw_window
from mmpose_ext.toolbox.visualization import Sample, panels_of
from mmpose_ext.toolbox.visualization.ssn import peaks


def estimator(**backbone):
    torch.manual_seed(0)
    tiny = dict(depth=50, num_stages=1, out_indices=(0,), base_channels=32, stem_channels=32, shift_channels=6)
    model = MODELS.build(
        dict(
            type="TopdownPoseEstimator",
            backbone=dict(type="SSNResNet", **{**tiny, **backbone}),
            head=dict(type="SSNHead", in_channels=128, out_channels=4, predictors=("P4",), tail="norm"),
        )
    ).eval()
    for fsm in modules_of(model).values():
        for offsets in fsm.shift.parameters():
            torch.nn.init.normal_(offsets, std=0.1)
    return model


def test_offsets_in_pixels_of_each_map() -> None:
    model = estimator()
    found = offsets_of(model.backbone, torch.zeros(1, 3, 64, 32))
    assert [(fsm.name, fsm.size) for fsm in found] == [(f"FSM{i}", (16, 8)) for i in (1, 2, 3)]
    torch.testing.assert_close(found[1].pixels, 16 * model.backbone.fsms["layer1_1"].shift.offsets.detach())


def test_offsets_of_a_network_without() -> None:
    with pytest.raises(ValueError, match="shifting=False"):
        offsets_of(estimator(shifting=False).backbone, torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="network with FeatureShiftModules, got SSNResNet without"):
        offsets_of(SSNResNet(18, None), torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize("source", SOURCES)
def test_scores_are_the_gradients_of_the_supplement(source) -> None:
    model = estimator()
    fsm, images = modules_of(model)["FSM3"], torch.randn(2, 3, 32, 32)
    found = scores(model, fsm, [images[:1], images[1:]], predictor="P4", source=source)
    total = 0
    for image in images.split(1):
        with record(fsm) as taps:
            heatmaps = model(image.requires_grad_(), None, mode="tensor")[0]
        maps = getattr(taps[0], source.replace("-", "_"))
        rows = []
        for m in range(4):
            target = heatmaps.detach().clone()
            y, x = divmod(int(target[0, m].argmax()), 8)
            target[0, m, y, x] = 0
            loss = torch.nn.functional.mse_loss(heatmaps, target)
            rows.append(torch.autograd.grad(loss, maps, retain_graph=True)[0].mean((0, 2, 3)).abs())
        total = total + torch.stack(rows)
    torch.testing.assert_close(found, total / total.amax(0), rtol=1e-4, atol=1e-6)
    assert found.max() == 1 and found.min() >= 0


def test_scores_that_can_not_be() -> None:
    model = estimator(attention=None)
    fsm, images = modules_of(model)["FSM1"], [torch.randn(1, 3, 32, 32)]
    with pytest.raises(ValueError, match="one without"):
        scores(model, fsm, images, predictor="P4", source="attention")
    with pytest.raises(ValueError, match="a source among input"):
        scores(model, fsm, images, predictor="P4", source="output")
    with pytest.raises(ValueError, match="among P4, got 'E1'"):
        scores(model, fsm, images, predictor="E1")
    with pytest.raises(ValueError, match="at least one image"):
        scores(model, fsm, [], predictor="P4")


def test_receptive_field_and_window_of_one_offset() -> None:
    """One channel, two to the right and one down: the field and the window are one pixel, on the other side."""
    fsm = FeatureShiftModule(3, 1, attention=None).eval()
    torch.nn.init.constant_(fsm.reduce.weight, 1.0)
    torch.nn.init.constant_(fsm.expand.weight, 1.0)
    with torch.no_grad():
        fsm.shift.offsets.copy_(torch.tensor([[2.0, 1.0]]) / 8)
    x = torch.randn(1, 3, 8, 6)
    field = effective_receptive_field(fsm, x, 2, (4, 5))
    assert field.nonzero().tolist() == [[4, 2]] and field[4, 2] == 3
    window = shifted_positions(fsm, x, 2, (4, 5))
    assert window.positions.tolist() == [[2.0, 4.0]] and window.energy.tolist() == [1.0]
    drawn = draw_window(np.full((80, 60, 3), 128, np.uint8), window, (4, 5), (8, 6))
    red = (drawn[..., 0] > 240) & (drawn[..., 1] < 60)
    assert red[45, 25] and red.sum() < 30


def test_peaks_are_apart() -> None:
    values = torch.zeros(8, 8)
    values[1, 2], values[1, 3], values[6, 5] = 3, 2.9, 2
    assert peaks(values) == [(2, 1), (5, 6)]


def test_visualize_knows_the_network() -> None:
    sample = Sample(np.zeros((32, 32, 3), np.uint8), torch.randn(1, 3, 32, 32))
    drawn = panels_of(estimator(), sample)
    assert len(drawn) == 5 and drawn[0].title.startswith("FSM3")
    assert all(panel.image.shape == (32, 32, 3) for panel in drawn)


def test_command(tmp_path, capsys) -> None:
    config = "ssn-3block-synthetic"
    assert main(["analyze-ssn", "offsets", config, "none", "--out", str(tmp_path)]) == 0
    written = json.loads((tmp_path / f"{config}_offsets.json").read_text())
    assert [len(fsm["pixels"]) for fsm in written["random weights"]] == [256, 256, 256]
    assert (tmp_path / f"{config}_offsets.png").stat().st_size > 1000
    assert "FSM1: mean length 0.00 pixels" in capsys.readouterr().out
    assert main(["analyze-ssn", "offsets", "xhrnet-18", "none"]) == 2
    assert "network with FeatureShiftModules" in capsys.readouterr().err
    image = tmp_path / "x.png"
    cv2.imwrite(str(image), np.zeros((64, 48, 3), np.uint8))
    assert main(["analyze-ssn", "receptive-field", config, "none", "--fsm", "4", str(image)]) == 2
    assert "--fsm from 1 to 3, got 4" in capsys.readouterr().err
