"""Checkpoints of one config in the network of another: positions keep their neighbors, or the checkpoint is refused."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.sharpose import KeypointDecoder, SHaRPose, SHaRPoseOneStage
from mmpose_ext.models.sharpose.keypoint_decoder import number_of_layers
from mmpose_ext.models.sharpose.positions import grid_of, sine_positions

CONFIGS = sorted(Path("configs/body_2d_keypoint/sharpose").glob("td-hm_sharpose*.py"))
WIDTHS = {"small": 8, "base": 12}
"""In place of 384 and 768."""


def described(path: Path) -> dict:
    """Backbone and head of a config, with its grids, narrow."""
    model = Config.fromfile(path).model
    backbone, size = dict(model.backbone), model.head.heatmap_size
    width, real = WIDTHS[backbone["arch"]], model.head.in_channels
    backbone["arch"] = dict(width=width, depth=2, num_heads=2)
    if backbone["type"] == "SHaRPoseEViT":
        backbone["prune_at"] = (0,)
    layers = number_of_layers(real, size[0] * size[1])
    return dict(backbone=backbone, head=dict(width=width, size=(size[1] // 4, size[0] // 4), layers=layers))


def network(description: dict) -> nn.Module:
    head = description["head"]
    decoder = KeypointDecoder(head["width"], *head["size"], num_layers=head["layers"])
    built = nn.ModuleDict(dict(backbone=MODELS.build(description["backbone"]), decoder=decoder))
    built.backbone.init_weights()
    return built


def places(grid: tuple[int, int]) -> Tensor:
    """Row and column, from 0 to 1, of each position, (N, 2)."""
    axes = [(torch.arange(number) + 0.5) / number for number in grid]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 1)


def maps(built: nn.Module) -> dict[str, tuple[Tensor, tuple[int, int]]]:
    """All that has positions, (N, channels), and the grid."""
    last = built.decoder[-1]
    found = {name: (getattr(built.backbone, name)[0], grid) for name, grid in built.backbone.grids.items()}
    return found | {"weight": (last.weight, built.decoder.size), "bias": (last.bias[:, None], built.decoder.size)}


def plant(built: nn.Module) -> None:
    with torch.no_grad():
        for name, (table, grid) in maps(built).items():
            if name == "bias":
                table.copy_(places(grid) @ torch.tensor([[1.0], [2.0]]))
            else:
                table.zero_()[:, :2] = places(grid)


def assert_in_place(table: Tensor, grid: tuple[int, int]) -> None:
    """A channel that holds the row grows downwards and only so, and the like for the column."""
    map_ = table.detach().unflatten(0, grid)
    if table.shape[1] == 1:  # row + 2 column
        assert (map_.diff(dim=0) > 0).all() and (map_.diff(dim=1) > 0).all()
        assert abs((map_[-1] - map_[0]).mean() - 1) < 0.2 and abs((map_[:, -1] - map_[:, 0]).mean() - 2) < 0.4
        return
    row, column = map_[..., 0], map_[..., 1]
    assert (row.diff(dim=0) > 0).all() and row.diff(dim=1).abs().max() < 1e-5
    assert (column.diff(dim=1) > 0).all() and column.diff(dim=0).abs().max() < 1e-5


@pytest.mark.parametrize("told", [True, False], ids=["grids in the checkpoint", "none, as before"])
def test_every_config_into_every_other(told):
    descriptions = {path.stem: described(path) for path in CONFIGS}
    for name in ("small", "base"):  # landscape, of which there is no config
        lying = dict(type="SHaRPose", arch=dict(width=WIDTHS[name], depth=2, num_heads=2), input_size=(256, 192))
        descriptions[name] = dict(backbone=lying, head=dict(width=WIDTHS[name], size=(12, 16), layers=2))
    unique = {repr(description): description for description in descriptions.values()}.values()
    sources = [network(description) for description in unique]
    for source in sources:
        plant(source)
    loaded = refused = anew = 0
    for (i, given), (j, wanted) in itertools.product(enumerate(unique), repeat=2):
        weights = {key: value for key, value in sources[i].state_dict().items() if told or not key.endswith("grid")}
        target = network(wanted)
        before = {name: table.clone() for name, (table, _) in maps(target).items()}
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            if given["head"]["width"] != wanted["head"]["width"]:
                with pytest.raises(ValueError, match="expected a checkpoint of a network of width"):
                    target.load_state_dict(weights, strict=False)
                refused += 1
                continue
            target.load_state_dict(weights, strict=False)
        loaded += 1
        fits = given["head"]["layers"] == wanted["head"]["layers"] and (
            wanted["head"]["layers"] == 1 or sources[i].decoder[1].out_features == target.decoder[1].out_features
        )
        anew += not fits
        assert fits != any("the keypoint decoder starts anew" in str(one.message) for one in said)
        for name, (table, grid) in maps(target).items():
            if name in maps(sources[i]) and (fits or name.endswith("positions")):
                assert_in_place(table, grid)
            else:
                assert torch.equal(table, before[name]), (i, j, name)
    assert loaded > refused > anew > 0


def test_a_resolution_four_times_as_large():
    """The values, not only their order: half-way between two positions stands their mean."""
    arguments = dict(num_keypoints=5, patch_size=4)
    small = SHaRPose(dict(width=16, depth=1, num_heads=2), input_size=(32, 48), **arguments)
    large = SHaRPose(dict(width=16, depth=1, num_heads=2), input_size=(64, 96), **arguments)
    plant(nn.ModuleDict(dict(backbone=small, decoder=KeypointDecoder(16, 4, 3))))
    large.load_state_dict(small.state_dict(), strict=True)
    error = (large.fine_positions[0, :, :2] - places(large.fine_grid)).abs().unflatten(0, large.fine_grid)
    assert error[4:-4, 4:-4].max() < 0.01 and error.max() < 0.25 / 8


@pytest.mark.parametrize("grid", [(8, 6), (6, 8), (16, 12), (12, 16), (18, 24), (14, 14), (4, 3)])
@pytest.mark.parametrize("like", [(8, 6), (6, 8), (8, 8), (14, 14)])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_grid_is_seen_in_the_table(grid, like, noise):
    """Grids of one length differ in how alike neighbors are."""
    torch.manual_seed(0)
    table = sine_positions(grid, 384)
    assert grid_of(table + noise * torch.randn_like(table), like) == grid


def test_tables_of_noise_have_the_models_own_grid():
    torch.manual_seed(0)
    for like in ((8, 6), (6, 8), (6, 4)):
        assert all(grid_of(torch.randn(1, like[0] * like[1], 16), like) == like for _ in range(20))
        assert grid_of(torch.zeros(1, like[0] * like[1], 16), like) == like


def test_checkpoints_of_the_one_stage_networks_before():
    """They had a quality predictor."""
    arguments = dict(num_keypoints=5, input_size=(32, 48), patch_size=4)
    arch = dict(width=16, depth=2, num_heads=2)
    two, one = SHaRPose(arch, **arguments), SHaRPoseOneStage(arch, **arguments)
    for parameter in two.parameters():
        nn.init.normal_(parameter, std=0.3)
    rest = ("fine_positions", "reuse", "coarse_positions_grid")
    one.load_state_dict(
        {key: value for key, value in two.state_dict().items() if not key.startswith(rest)}, strict=True
    )
    images = torch.randn(2, 3, 48, 32)
    with torch.no_grad():
        torch.testing.assert_close(one.eval()(images).keypoints, two.eval()(images).coarse)


def test_another_depth_is_refused():
    deep, flat = (SHaRPose(dict(width=16, depth=depth, num_heads=2)) for depth in (3, 2))
    with pytest.raises(ValueError, match="expected a checkpoint of a network of 2 blocks, got 3"):
        flat.load_state_dict(deep.state_dict(), strict=False)
