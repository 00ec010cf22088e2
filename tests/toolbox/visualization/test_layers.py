"""The heatmaps of each layer: the last are the network's own, and nothing of the network is changed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from mmpose_ext.models.sharpose import SHaRPose, SHaRPoseEViT, SHaRPoseHead, SHaRPoseOneStage
from mmpose_ext.toolbox.visualization.layers import layer_responses

OPTIONS = dict(arch=dict(width=16, depth=4, num_heads=2), num_keypoints=5, input_size=(32, 32), patch_size=4)


@pytest.mark.parametrize(
    "backbone",
    [
        SHaRPose(**OPTIONS),  # type: ignore[arg-type]
        SHaRPoseOneStage(**OPTIONS, scale=1.0),  # type: ignore[arg-type]
        SHaRPoseEViT(**OPTIONS, prune_at=(1, 2)),  # type: ignore[arg-type]
    ],
    ids=lambda backbone: type(backbone).__name__,
)
def test_sharpose(backbone: nn.Module) -> None:
    torch.manual_seed(0)
    for parameter in backbone.parameters():
        nn.init.normal_(parameter, std=0.1)
    head = SHaRPoseHead(16, 5, heatmap_size=(8, 8)).eval()
    pixels = torch.randn(2, 3, 32, 32)
    found = layer_responses(SimpleNamespace(backbone=backbone.eval(), head=head), pixels)
    assert [tuple(one.shape) for one in found] == [(2, 5, 8, 8)] * 4
    with torch.no_grad():
        torch.testing.assert_close(found[-1], head.keypoint_decoder(backbone(pixels)[0]))
    assert all((a - b).abs().max() > 1e-4 for a, b in zip(found, found[1:], strict=False))


class VisionTransformer(nn.Module):
    """mmpretrain's, as far as it is looked at: maps of chosen layers, the last one normalized."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(3))
        self.ln1 = nn.LayerNorm(6)
        self.final_norm, self.out_indices, self.out_type = True, [2], "featmap"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x, outs = x.permute(0, 2, 3, 1), []
        for i, layer in enumerate(self.layers):
            x = self.ln1(layer(x)) if i == 2 else layer(x)
            outs += [x.permute(0, 3, 1, 2)] if i in self.out_indices else []
        return tuple(outs)


class Head(nn.Module):
    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        return 2 * feats[-1]


def test_vision_transformer() -> None:
    torch.manual_seed(0)
    model = SimpleNamespace(backbone=VisionTransformer(), head=Head(), with_neck=False)
    pixels = torch.randn(1, 6, 4, 4)
    found = layer_responses(model, pixels)
    assert model.backbone.out_indices == [2] and len(found) == 3
    torch.testing.assert_close(found[-1], 2 * model.backbone(pixels)[0])
    for maps in found:  # each behind the last norm
        torch.testing.assert_close(maps.mean(1), torch.zeros(1, 4, 4), atol=1e-5, rtol=0)


def test_other_networks() -> None:
    model = SimpleNamespace(backbone=nn.Conv2d(3, 4, 1), head=Head())
    with pytest.raises(ValueError, match="got Conv2d"):
        layer_responses(model, torch.zeros(1, 3, 8, 8))
