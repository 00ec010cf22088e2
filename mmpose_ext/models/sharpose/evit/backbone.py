"""EViT with the keypoint tokens of SHaRPose in place of the class token (Table 7 of SHaRPose).

EViT: Expediting Vision Transformers via Token Reorganizations, https://arxiv.org/abs/2202.07800.
SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758, which says
of its baselines only that they have keypoint tokens and its own "processing pipeline".

Deviations:
    - Where and how much is pruned is EViT's default: a rate of 0.7 in the 4th, 7th and 10th of 12 blocks. It is our
      choice; docs/papers/sharpose.md has its operations beside those that Table 7 prints.
    - A patch is scored by the mean attention of all keypoints, in all heads. The class token's there.
    - The rate is the same from the first epoch on, which is what EViT's own code does unless told otherwise.
    - See also :mod:`.reorganization`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.sharpose.backbone import OneStageFeatures, SHaRPoseOneStage
from mmpose_ext.models.sharpose.encoder import Block
from mmpose_ext.models.sharpose.evit.reorganization import number_of_kept, reorganize
from mmpose_ext.models.sharpose.relevance import relevance


@MODELS.register_module()
class SHaRPoseEViT(SHaRPoseOneStage):
    """One stage over the fine grid that loses tokens on its way.

    Args:
        arch: See :class:`.SHaRPoseOneStage`, as for all that is not explained here.
        num_keypoints: M.
        keep_rate: Share of the visual tokens, the fused one among them, that is kept each time.
        prune_at: Blocks, counted from 0, between whose attention and MLP tokens are fused. Not the last one.
        input_size: (width, height) of the images in pixels, as in a codec.
        patch_size: Height and width of a patch in pixels.
        scale: Factor by which images are resampled.
        drop_path_rate: Drop path of the last block; that of the others rises to it linearly.
        frozen_stages: What is not trained; see :class:`.CoarseStage`.
        init_cfg: Config of the initialization, by default :data:`.FROM_SCRATCH`.

    Raises:
        ValueError: If an argument is unknown or doesn't fit the others, or if an image has another size.
    """

    def __init__(
        self,
        arch: str | dict = "base",
        num_keypoints: int = 17,
        *,
        keep_rate: float = 0.7,
        prune_at: Sequence[int] = (3, 6, 9),
        input_size: Sequence[int] = (192, 256),
        patch_size: int = 16,
        scale: float = 1.0,
        drop_path_rate: float = 0.1,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            arch,
            num_keypoints,
            input_size=input_size,
            patch_size=patch_size,
            scale=scale,
            drop_path_rate=drop_path_rate,
            frozen_stages=frozen_stages,
            init_cfg=init_cfg,
        )
        if not all(0 <= layer < len(self.blocks) - 1 for layer in prune_at):
            raise ValueError(f"expected prune_at between 0 and {len(self.blocks) - 2}, got {list(prune_at)}")
        self.num_kept: dict[int, int] = {}
        """Block -> how many visual tokens it keeps."""
        visual = self.coarse_grid[0] * self.coarse_grid[1]
        for layer in sorted(set(prune_at)):
            self.num_kept[layer] = number_of_kept(keep_rate, visual)
            visual = min(self.num_kept[layer] + 1, visual)  # the fused one counts from then on

    def forward(self, images: Tensor) -> OneStageFeatures:
        """Run the only stage.

        Args:
            images: (B, 3, height, width).
        """
        self.check_size(images)
        first = torch.cat([self.keypoint_tokens, self.quality_token], 1)
        x = torch.cat([first.expand(len(images), -1, -1), self.embed(images)], 1)
        *blocks, last = self.blocks
        for layer, block in enumerate(blocks):
            x = self.prune(block, x, self.num_kept[layer]) if layer in self.num_kept else block(x)[0]
        x, _ = last(x, queries=self.num_keypoints)  # nobody looks at the others
        return OneStageFeatures(self.norm(x))

    def prune(self, block: Block, x: Tensor, number: int) -> Tensor:
        """Run a block that fuses tokens behind its attention.

        Args:
            block: The block.
            x: First and visual tokens, (B, M + 1 + V, D).
            number: K.

        Returns:
            (B, M + 1 + K + 1, D).
        """
        attended, attention = block.attn(block.norm1(x), rows=self.num_keypoints)
        assert attention is not None  # as rows are asked for
        scores = relevance(attention[..., self.num_keypoints + 1 :])
        return block.add_mlp(reorganize(block.add_attention(x, attended), scores, number))
