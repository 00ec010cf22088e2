"""What a network asks of sizes and maps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmpose_ext.layers import check_maps, check_size


@pytest.mark.parametrize(("height", "width"), [(0, 32), (32, 33), (16, 32), (-32, 32)])
def test_sizes(height: int, width: int) -> None:
    check_size("an image", 64, 32, 32)
    with pytest.raises(ValueError, match=f"of an image must be multiples of 32, got {height}x{width}"):
        check_size("an image", height, width, 32)


def maps(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.zeros(shape) for shape in shapes]


def test_maps() -> None:
    check_maps("it", maps((2, 8, 4, 4), (2, 16, 2, 2)), (8, 16))
    check_maps("it", maps((2, 8, 4, 4), (2, 8, 4, 4)), (8, 8), equal=True)
    with pytest.raises(ValueError, match=r"it expects 2 maps with 8, 16 channels, got shapes \[\(2, 8, 4, 4\)\]"):
        check_maps("it", maps((2, 8, 4, 4)), (8, 16))
    with pytest.raises(ValueError, match=r"got shapes \[\(2, 8\), \(2, 16, 2, 2\)\]"):
        check_maps("it", maps((2, 8), (2, 16, 2, 2)), (8, 16))
    with pytest.raises(ValueError, match=r"got one tensor of shape \(2, 8, 4, 4\)"):
        check_maps("it", torch.zeros(2, 8, 4, 4), (8, 16))
    with pytest.raises(ValueError, match="2 maps of one size with 8, 8 channels"):
        check_maps("it", maps((2, 8, 4, 4), (2, 8, 2, 2)), (8, 8), equal=True)


class Reader(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        check_maps("it", (a, b), (8, 8), equal=True)
        return a + b


def test_it_can_be_traced_and_exported() -> None:
    inputs = tuple(maps((2, 8, 4, 4), (2, 8, 4, 4)))
    assert torch.jit.trace(Reader(), inputs)(*inputs).shape == (2, 8, 4, 4)
    batch = {0: torch.export.Dim("batch")}
    assert torch.export.export(Reader(), inputs, dynamic_shapes=(batch, batch)) is not None
