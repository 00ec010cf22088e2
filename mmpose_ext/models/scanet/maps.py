"""One map or several: what makes a layer a plugin of a backbone and a neck at once.

Deviations: none (no paper).

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor


def on_each_map(
    function: Callable[[Tensor], Tensor], x: Tensor | Sequence[Tensor], channels: int
) -> Tensor | tuple[Tensor, ...]:
    """Apply a function to a map, as a plugin layer does, or to each map of a tuple, as a neck does.

    Args:
        function: Maps (B, C, H, W) to a map.
        x: One map, or several.
        channels: C, what each map must have.

    Raises:
        ValueError: If a map has another number of channels.
    """
    for one in (x,) if isinstance(x, Tensor) else x:
        if one.ndim != 4 or one.shape[1] != channels:
            raise ValueError(f"expected maps of shape (B, {channels}, H, W), got {tuple(one.shape)}")
    return function(x) if isinstance(x, Tensor) else tuple(function(one) for one in x)
