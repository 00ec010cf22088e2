"""What a network asks of the size of its input."""

from __future__ import annotations

__all__ = ["check_size"]


def check_size(what: str, height: int, width: int, stride: int) -> None:
    """Raise a ValueError unless height and width are positive multiples of ``stride``.

    Args:
        what: Name of what has that size, for the message.
        height: Height in pixels.
        width: Width in pixels.
        stride: That of the network's smallest map.
    """
    if height < 1 or width < 1 or height % stride or width % stride:
        raise ValueError(f"height and width of {what} must be multiples of {stride}, got {height}x{width}")
