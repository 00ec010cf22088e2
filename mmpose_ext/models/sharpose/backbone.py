"""The SHaRPose backbone, and its ablation with one stage.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Method", Tables 2 and 8, Fig. 3.

Deviations:
    - Where paper and official code disagree there is a switch, whose default is the code, so that its weights and
      numbers hold: ``skip_last_keypoint``, ``rounding``, ``average_from``, ``unselected``, ``quality_activation``.
    - Keypoint tokens stand first in both sequences. The order has no consequence.
    - See also :mod:`.coarse_stage`, :mod:`.encoder`, :mod:`.fine_tokens` and :mod:`.quality`.

Shapes: B batch, M keypoints, D width, N coarse patches, K selected ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.sharpose.coarse_stage import CoarseStage
from mmpose_ext.models.sharpose.fine_tokens import FeatureReuse, fine_index, take, to_patches
from mmpose_ext.models.sharpose.grids import grid_of_patches, resample
from mmpose_ext.models.sharpose.quality import QualityActivation
from mmpose_ext.models.sharpose.relevance import Rounding, number_of_selected


class SHaRPoseFeatures(NamedTuple):
    """What the backbone hands to the head."""

    coarse: Tensor
    """Keypoint tokens of the coarse stage, (B, M, D)."""
    fine: Tensor
    """Keypoint tokens of the fine stage, those of the coarse stage where there was none, (B, M, D)."""
    quality: Tensor
    """Predicted quality of the coarse pose, (B,)."""
    refined: Tensor
    """Which samples went through the fine stage, bool, (B,)."""
    selected: Tensor
    """Positions of the selected patches on the coarse grid, row by row, by descending relevance, (B, K)."""


class OneStageFeatures(NamedTuple):
    """What a backbone with one stage hands to the head."""

    keypoints: Tensor
    """Keypoint tokens, (B, M, D)."""


class FineInputs(NamedTuple):
    """What the fine stage takes from the coarse one; index each field to run it for some samples only."""

    images: Tensor
    """(B, 3, height, width)."""
    before: Tensor
    """Visual tokens that the coarse stage took in, (B, N, D)."""
    after: Tensor
    """Visual tokens that it gave out, those of the selected patches first, (B, K, D) or (B, N, D)."""
    selected: Tensor
    """Patches to refine, by descending relevance, (B, K)."""
    others: Tensor
    """The others, (B, N - K)."""


class CoarsePass(NamedTuple):
    """What is known behind the coarse stage."""

    keypoints: Tensor
    """Keypoint tokens, (B, M, D)."""
    quality: Tensor
    """Predicted quality, (B,)."""
    fine_inputs: FineInputs
    """What the fine stage takes."""


def is_exporting() -> bool:
    """Whether one of PyTorch's exporters follows the forward pass."""
    return torch.jit.is_tracing() or getattr(torch.compiler, "is_exporting", lambda: False)()


@MODELS.register_module()
class SHaRPose(CoarseStage):
    """SHaRPose: a coarse pass over all of the image and a fine one over what matters.

    Args:
        arch: ``'small'`` or ``'base'`` (Table 2), or a dict with the fields of :class:`Arch`.
        num_keypoints: M.
        input_size: (width, height) of the images in pixels, as in a codec.
        patch_size: Height and width of a patch in pixels, in both stages.
        coarse_scale: The s_c of the paper.
        fine_scale: The s_f of the paper, a multiple of s_c.
        alpha: Share of the coarse patches that are refined.
        beta: Weight of the past in the average over the layers, Eq. (6).
        quality_threshold: Q_thres: in evaluation, only samples with a lower quality are refined. None refines all
            and never waits for the device. The predictor has to be trained, see ``QualityScheduleHook``.
        skip_last_keypoint: Whether the last keypoint has no say in the selection. It has in the paper.
        rounding: Whether ``alpha * N`` is rounded by ``'ceil'`` or, as in the paper, by ``'floor'``.
        average_from: First layer of the average over the layers; None for a quarter of the depth, 0 in the paper.
        unselected: Which tokens of the other patches the fine stage takes: the ``'input'`` of the coarse stage, or,
            as the paper has it, its ``'output'``.
        quality_activation: See :class:`.QualityPredictor`.
        drop_path_rate: Drop path of the last block; that of the others rises to it linearly.
        frozen_stages: What is not trained; see :class:`.CoarseStage`.
        init_cfg: Config of the initialization, by default :data:`.FROM_SCRATCH`.

    Raises:
        ValueError: If an argument is unknown or doesn't fit the others, or if an image has another size.

    Example:
        >>> import torch
        >>> from mmpose_ext.models.sharpose import SHaRPose
        >>> features = SHaRPose('small').eval()(torch.rand(1, 3, 256, 192))
        >>> tuple(features.fine.shape), tuple(features.selected.shape)
        ((1, 17, 384), (1, 24))
    """

    def __init__(
        self,
        arch: str | dict = "small",
        num_keypoints: int = 17,
        *,
        input_size: Sequence[int] = (192, 256),
        patch_size: int = 16,
        coarse_scale: float = 0.5,
        fine_scale: float = 1.0,
        alpha: float = 0.5,
        beta: float = 0.99,
        quality_threshold: float | None = None,
        skip_last_keypoint: bool = True,
        rounding: Rounding = "ceil",
        average_from: int | None = None,
        unselected: Literal["input", "output"] = "input",
        quality_activation: QualityActivation = "gelu",
        drop_path_rate: float = 0.1,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            arch,
            num_keypoints,
            image_size=(input_size[1], input_size[0]),
            scale=coarse_scale,
            patch_size=patch_size,
            beta=beta,
            num_scored=max(num_keypoints - skip_last_keypoint, 1),
            average_from=average_from,
            quality_activation=quality_activation,
            drop_path_rate=drop_path_rate,
            frozen_stages=frozen_stages,
            init_cfg=init_cfg,
        )
        self.fine_grid = grid_of_patches(self.image_size, fine_scale, patch_size)
        self.ratio = self.fine_grid[0] // self.coarse_grid[0]
        if self.fine_grid != (self.coarse_grid[0] * self.ratio, self.coarse_grid[1] * self.ratio):
            raise ValueError(f"expected fine_scale to be a multiple of coarse_scale, got {fine_scale}, {coarse_scale}")
        if unselected not in ("input", "output"):
            raise ValueError(f"unselected must be 'input' or 'output', got {unselected!r}")
        patches = self.coarse_grid[0] * self.coarse_grid[1]
        self.num_selected = number_of_selected(alpha, patches, rounding=rounding)
        self.num_wanted = self.num_selected if unselected == "input" else patches
        self.quality_threshold = quality_threshold
        self.unselected = unselected
        self.early_exit = True
        """Whether the threshold counts; a hook turns it off until the predictor is trained."""
        self.fine_positions = nn.Parameter(torch.zeros(1, patches * self.ratio**2, self.width))
        self._tell_grid("fine_positions", self.fine_grid)
        self.reuse = FeatureReuse(self.width, mlp_ratio=self.mlp_ratio)
        self.freeze(frozen_stages)  # with the second table of positions

    def train(self, mode: bool = True) -> SHaRPose:
        """Change the mode; warn if the threshold is to be compared with what an untrained predictor says."""
        super().train(mode)
        if not (mode or self.quality_threshold is None or not self.early_exit or self.quality_predictor.is_trained()):
            warnings.warn(
                f"quality_threshold is {self.quality_threshold}, but the quality predictor was never trained: which "
                "samples are refined means nothing. Set quality_threshold=None, or train with QualityScheduleHook",
                stacklevel=2,
            )
        return self

    def forward(self, images: Tensor) -> SHaRPoseFeatures:
        """Run one stage or both.

        Args:
            images: (B, 3, height, width).
        """
        keypoints, quality, inputs = self.coarse_pass(images)
        if not self.is_gated():
            everything = torch.ones_like(quality, dtype=torch.bool)
            return SHaRPoseFeatures(keypoints, self.fine_stage(inputs), quality, everything, inputs.selected)
        refined = quality < self.quality_threshold
        fine = self.refine(keypoints, refined, inputs)
        return SHaRPoseFeatures(keypoints, fine, quality, refined, inputs.selected)

    def is_gated(self) -> bool:
        """Whether samples of a good quality are not refined."""
        return not self.training and self.quality_threshold is not None and self.early_exit

    def coarse_pass(self, images: Tensor) -> CoarsePass:
        """Run the coarse stage and predict the quality of its pose.

        Args:
            images: (B, 3, height, width).
        """
        self.check_size(images)
        before = self.embed(images)
        coarse = self.coarse_stage(before, select_patches=self.num_selected, want_patches=self.num_wanted)
        inputs = FineInputs(images, before, coarse.visual, coarse.selected, coarse.others)
        return CoarsePass(coarse.keypoints, self.quality_predictor(coarse.quality_token), inputs)

    def refine(self, keypoints: Tensor, refined: Tensor, inputs: FineInputs) -> Tensor:
        """Run the fine stage for some samples.

        A graph that is being exported can't leave samples out: there all are refined and the others put back.

        Args:
            keypoints: Keypoint tokens of the coarse stage, (B, M, D).
            refined: Which samples, (B,).
            inputs: What the fine stage takes, for all samples.

        Returns:
            Keypoint tokens of the last stage of each sample, (B, M, D).
        """
        if is_exporting():
            return torch.where(refined[:, None, None], self.fine_stage(inputs), keypoints)
        rows = refined.nonzero()[:, 0]  # waits for the device
        if len(rows) == len(refined):
            return self.fine_stage(inputs)
        if len(rows) == 0:
            return keypoints
        chosen = FineInputs(*(x.index_select(0, rows) for x in inputs))
        return keypoints.index_copy(0, rows, self.fine_stage(chosen))

    def fine_stage(self, inputs: FineInputs) -> Tensor:
        """Run the fine stage.

        Args:
            inputs: What it takes from the coarse stage.

        Returns:
            Keypoint tokens (B, M, D).
        """
        images, before, after, selected, others = inputs
        index = fine_index(selected, self.coarse_grid[1], self.ratio)
        patches = take(to_patches(resample(images, self.fine_grid, self.patch_size), self.patch_size), index)
        positions = self.fine_positions[0].index_select(0, index.flatten()).unflatten(0, index.shape)
        high = self.patch_embed(patches) + positions + self.reuse(after[:, : self.num_selected], self.ratio)
        low = take(before, others) if self.unselected == "input" else after[:, self.num_selected :]
        x = torch.cat([self.keypoint_tokens.expand(images.shape[0], -1, -1), high, low], 1)  # Eq. (8)
        for layer, block in enumerate(self.blocks):
            is_last = layer == len(self.blocks) - 1  # of which only the keypoints are looked at
            x, _ = block(x, queries=self.num_keypoints if is_last else None)
        return self.norm(x[:, : self.num_keypoints])


@MODELS.register_module()
class SHaRPoseOneStage(CoarseStage):
    """The transformer of SHaRPose run once, over one grid: the rows "Coarse-None" and "None-Fine" of Table 8.

    Nothing waits for the quality of its pose, so it has no quality predictor, and ``SHaRPoseHead`` has one loss. The
    quality token stays among the tokens.

    Args:
        arch: ``'small'`` or ``'base'`` (Table 2), or a dict with the fields of :class:`.Arch`.
        num_keypoints: M.
        input_size: (width, height) of the images in pixels, as in a codec.
        patch_size: Height and width of a patch in pixels.
        scale: Factor by which images are resampled: 0.5 for Coarse-None, 1.0 for None-Fine.
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
        input_size: Sequence[int] = (192, 256),
        patch_size: int = 16,
        scale: float = 0.5,
        drop_path_rate: float = 0.1,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            arch,
            num_keypoints,
            image_size=(input_size[1], input_size[0]),
            scale=scale,
            patch_size=patch_size,
            beta=0.0,
            num_scored=num_keypoints,
            average_from=None,
            quality_activation=None,
            drop_path_rate=drop_path_rate,
            frozen_stages=frozen_stages,
            init_cfg=init_cfg,
        )

    def forward(self, images: Tensor) -> OneStageFeatures:
        """Run the only stage.

        Args:
            images: (B, 3, height, width).
        """
        self.check_size(images)
        return OneStageFeatures(self.coarse_stage(self.embed(images)).keypoints)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Leave out the quality predictor that checkpoints of earlier versions and of two stages have."""
        for key in [key for key in state_dict if key.startswith(f"{prefix}quality_predictor.")]:
            del state_dict[key]
        super()._load_from_state_dict(state_dict, prefix, *args)
