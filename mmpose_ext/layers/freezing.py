"""Fine-tuning with the first stages kept as they are, as MMPose's ResNet does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

__all__ = ["Freezable"]


class Freezable(nn.Module):
    """A network whose first stages can be frozen: no gradients, batch norms in evaluation mode, no drop path.

    A class of it calls :meth:`freeze` at the end of its constructor.
    """

    frozen_stages: int = -1

    def stages_to_freeze(self) -> Sequence[Sequence[nn.Module | nn.Parameter]]:
        """The parts of each stage, from the input on; the first is the stem."""
        raise NotImplementedError

    def freeze(self, frozen_stages: int) -> None:
        """Freeze.

        Args:
            frozen_stages: -1 for nothing, 0 for the stem, k for the stem and the first k stages.

        Raises:
            ValueError: If there are not as many stages.
        """
        stages = self.stages_to_freeze()
        if not -1 <= frozen_stages < len(stages):
            raise ValueError(
                f"frozen_stages must be -1 (none), 0 (the stem) or up to {len(stages) - 1} stages, got {frozen_stages}"
            )
        self.frozen_stages = frozen_stages
        for part in self._frozen():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Any:
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for part in self._frozen() if mode else []:
            if isinstance(part, nn.Module):
                part.eval()
        return self

    def _frozen(self) -> list[nn.Module | nn.Parameter]:
        if self.frozen_stages < 0:
            return []
        return [part for stage in self.stages_to_freeze()[: self.frozen_stages + 1] for part in stage]
