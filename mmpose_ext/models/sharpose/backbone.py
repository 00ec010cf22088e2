"""The SHaRPose backbone.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Method", Table 2, Fig. 3.

Deviations:
    - Where paper and official code disagree there is a switch, whose default is the code, so that its weights and
      numbers hold: ``skip_last_keypoint``, ``rounding``, ``average_from``, ``unselected``, ``quality_activation``.
    - Key point tokens stand first in both sequences. The order has no consequence.
    - See also :mod:`.encoder`, :mod:`.fine_tokens` and :mod:`.quality`.

Shapes: B batch, M key points, D width, N coarse patches, K selected ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.sharpose.encoder import Block
from mmpose_ext.models.sharpose.fine_tokens import FeatureReuse, PatchEmbed, fine_index, take, to_patches
from mmpose_ext.models.sharpose.positions import resize_positions
from mmpose_ext.models.sharpose.quality import QualityActivation, QualityPredictor
from mmpose_ext.models.sharpose.relevance import Rounding, accumulate, number_of_selected, relevance, select


class Arch(NamedTuple):
    """The numbers of one row of Table 2."""

    width: int
    depth: int = 12
    num_heads: int = 12
    mlp_ratio: float = 4.0


ARCHS = {"small": Arch(width=384), "base": Arch(width=768)}
"""SHaRPose-Small and SHaRPose-Base of Table 2."""


class SHaRPoseFeatures(NamedTuple):
    """What the backbone hands to the head."""

    coarse: Tensor
    """Key point tokens of the coarse stage, (B, M, D)."""
    fine: Tensor
    """Key point tokens of the fine stage, those of the coarse stage where there was none, (B, M, D)."""
    quality: Tensor
    """Predicted quality of the coarse pose, (B,)."""
    refined: Tensor
    """Which samples went through the fine stage, bool, (B,)."""
    selected: Tensor
    """Positions of the selected patches on the coarse grid, row by row, by descending relevance, (B, K)."""


@MODELS.register_module()
class SHaRPose(BaseModule):
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
        skip_last_keypoint: Whether the last key point has no say in the selection. It has in the paper.
        rounding: Whether ``alpha * N`` is rounded by ``'ceil'`` or, as in the paper, by ``'floor'``.
        average_from: First layer of the average over the layers; None for a quarter of the depth, 0 in the paper.
        unselected: Which tokens of the other patches the fine stage takes: the ``'input'`` of the coarse stage, or,
            as the paper has it, its ``'output'``.
        quality_activation: See :class:`.QualityPredictor`.
        drop_path_rate: Drop path of the last block; that of the others rises to it linearly.
        init_cfg: Config of the initialisation. By default that of the official code.

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
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type="TruncNormal", layer="Linear", std=0.02, bias=0))
        spec = resolve_arch(arch)
        self.image_size = (input_size[1], input_size[0])
        self.patch_size = patch_size
        self.coarse_grid = grid_of_patches(self.image_size, coarse_scale, patch_size)
        self.fine_grid = grid_of_patches(self.image_size, fine_scale, patch_size)
        self.ratio = self.fine_grid[0] // self.coarse_grid[0]
        if self.fine_grid != (self.coarse_grid[0] * self.ratio, self.coarse_grid[1] * self.ratio):
            raise ValueError(f"expected fine_scale to be a multiple of coarse_scale, got {fine_scale}, {coarse_scale}")
        patches = self.coarse_grid[0] * self.coarse_grid[1]
        if unselected not in ("input", "output"):
            raise ValueError(f"unselected must be 'input' or 'output', got {unselected!r}")
        self.average_from = spec.depth // 4 if average_from is None else average_from
        if not 0 <= self.average_from < spec.depth:
            raise ValueError(f"expected average_from between 0 and {spec.depth - 1}, got {average_from}")
        self.num_keypoints = num_keypoints
        self.num_scored = num_keypoints - 1 if skip_last_keypoint and num_keypoints > 1 else num_keypoints
        self.num_selected = number_of_selected(alpha, patches, rounding=rounding)
        self.beta = beta
        self.quality_threshold = quality_threshold
        self.unselected = unselected
        self.early_exit = True
        """Whether the threshold counts; a hook turns it off until the predictor is trained."""

        self.keypoint_tokens = nn.Parameter(torch.zeros(1, num_keypoints, spec.width))
        self.quality_token = nn.Parameter(torch.zeros(1, 1, spec.width))
        self.patch_embed = PatchEmbed(spec.width, patch_size)
        self.coarse_positions = nn.Parameter(torch.zeros(1, patches, spec.width))
        self.fine_positions = nn.Parameter(torch.zeros(1, patches * self.ratio**2, spec.width))
        self.blocks = nn.ModuleList(
            Block(
                spec.width,
                spec.num_heads,
                mlp_ratio=spec.mlp_ratio,
                drop_path=drop_path_rate * i / max(spec.depth - 1, 1),
            )
            for i in range(spec.depth)
        )
        self.norm = nn.LayerNorm(spec.width)
        self.quality_predictor = QualityPredictor(spec.width, activation=quality_activation)
        self.reuse = FeatureReuse(spec.width, mlp_ratio=spec.mlp_ratio)

    def forward(self, images: Tensor) -> SHaRPoseFeatures:
        """Run one stage or both.

        Args:
            images: (B, 3, height, width).
        """
        if (size := tuple(images.shape[2:])) != self.image_size:
            raise ValueError(f"expected images of height and width {self.image_size}, as input_size says, got {size}")
        before = self.embed(images)
        keypoints, quality_token, after, scores = self.coarse_stage(before)
        quality = self.quality_predictor(quality_token)
        selected, others = select(scores, self.num_selected)
        if self.training or self.quality_threshold is None or not self.early_exit:
            fine = self.fine_stage(images, before, after, selected, others)
            return SHaRPoseFeatures(keypoints, fine, quality, torch.ones_like(quality, dtype=torch.bool), selected)
        refined = quality < self.quality_threshold
        rows = refined.nonzero()[:, 0]  # waits for the device
        fine = keypoints
        if rows.numel():
            parts = (x.index_select(0, rows) for x in (images, before, after, selected, others))
            fine = keypoints.index_copy(0, rows, self.fine_stage(*parts))
        return SHaRPoseFeatures(keypoints, fine, quality, refined, selected)

    def embed(self, images: Tensor) -> Tensor:
        """Coarse visual tokens v_0 of Eq. (1), (B, N, D)."""
        patches = to_patches(resample(images, self.coarse_grid, self.patch_size), self.patch_size)
        return self.patch_embed(patches) + self.coarse_positions

    def coarse_stage(self, visual: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Run the coarse stage.

        Args:
            visual: (B, N, D).

        Returns:
            Key point tokens (B, M, D), quality token (B, D), visual tokens (B, N, D), relevance of the patches (B, N).
        """
        batch, patches, _ = visual.shape
        first = torch.cat([self.keypoint_tokens, self.quality_token], 1)
        x = torch.cat([first.expand(batch, -1, -1), visual], 1)  # Eq. (1)
        accumulated = None
        for layer, block in enumerate(self.blocks):  # Eq. (2)
            x, attention = block(x, rows=self.num_scored if layer >= self.average_from else 0)
            if attention is not None:
                accumulated = accumulate(accumulated, attention[..., -patches:], beta=self.beta)  # Eq. (5), (6)
        assert accumulated is not None
        x = self.norm(x)
        count = self.num_keypoints
        return x[:, :count], x[:, count], x[:, count + 1 :], relevance(accumulated)

    def fine_stage(self, images: Tensor, before: Tensor, after: Tensor, selected: Tensor, others: Tensor) -> Tensor:
        """Run the fine stage.

        Args:
            images: (B, 3, height, width).
            before: Visual tokens that the coarse stage took in, (B, N, D).
            after: Visual tokens that it gave out, (B, N, D).
            selected: Patches to refine, (B, K).
            others: The others, (B, N - K).

        Returns:
            Key point tokens (B, M, D).
        """
        index = fine_index(selected, self.coarse_grid[1], self.ratio)
        patches = take(to_patches(resample(images, self.fine_grid, self.patch_size), self.patch_size), index)
        positions = self.fine_positions[0].index_select(0, index.flatten()).unflatten(0, index.shape)
        high = self.patch_embed(patches) + positions + self.reuse(take(after, selected), self.ratio)
        low = take(before if self.unselected == "input" else after, others)
        x = torch.cat([self.keypoint_tokens.expand(len(images), -1, -1), high, low], 1)  # Eq. (8)
        for layer, block in enumerate(self.blocks):
            is_last = layer == len(self.blocks) - 1  # of which only the key points are looked at
            x, _ = block(x, queries=self.num_keypoints if is_last else None)
        return self.norm(x[:, : self.num_keypoints])

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Resample positions of another resolution; leave out the tokens of another number of key points."""
        for name, grid in (("coarse_positions", self.coarse_grid), ("fine_positions", self.fine_grid)):
            table = state_dict.get(prefix + name)
            if table is not None:
                state_dict[prefix + name] = resize_positions(table, grid)
        tokens = state_dict.get(prefix + "keypoint_tokens")
        if tokens is not None and tokens.shape[1] != self.num_keypoints:
            warnings.warn(
                f"the checkpoint has {tokens.shape[1]} key points and this model {self.num_keypoints}: "
                "the key point tokens keep their present values",
                stacklevel=2,
            )
            state_dict[prefix + "keypoint_tokens"] = self.keypoint_tokens.detach().clone()
        super()._load_from_state_dict(state_dict, prefix, *args)


def resolve_arch(arch: str | dict) -> Arch:
    """Look up a preset, or check the fields of a user's own.

    Args:
        arch: Name of a preset or a dict with the fields of :class:`Arch`.

    Raises:
        ValueError: If there is no such preset or field.
    """
    if isinstance(arch, str):
        if arch not in ARCHS:
            raise ValueError(f"expected an arch among {', '.join(ARCHS)} or a dict, got {arch!r}")
        return ARCHS[arch]
    unknown = set(arch) - set(Arch._fields)
    if unknown or "width" not in arch:
        raise ValueError(f"expected an arch with width and any of {', '.join(Arch._fields)}, got {sorted(arch)}")
    return Arch(**arch)


def grid_of_patches(size: tuple[int, int], scale: float, patch: int) -> tuple[int, int]:
    """Rows and columns of patches.

    Args:
        size: Height and width of the image.
        scale: Factor by which it is resampled.
        patch: Patch size.

    Raises:
        ValueError: If the patches don't cover the resampled image exactly.
    """
    rows, columns = (side * scale / patch for side in size)
    if rows != int(rows) or columns != int(columns) or min(rows, columns) < 1:
        raise ValueError(
            f"expected an image whose sides times {scale} are multiples of the patch size {patch}, "
            f"got {size[0]}x{size[1]}"
        )
    return int(rows), int(columns)


def resample(images: Tensor, grid: tuple[int, int], patch: int) -> Tensor:
    """Bring images bilinearly to the size of a grid of patches.

    Args:
        images: (B, 3, height, width).
        grid: Rows and columns.
        patch: Patch size.
    """
    size = (grid[0] * patch, grid[1] * patch)
    if tuple(images.shape[2:]) == size:
        return images
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False)
