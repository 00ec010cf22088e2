"""The coarse stage: what SHaRPose and its one-stage ablations share.

SHaRPose: Sparse High-Resolution Representation for Human Pose Estimation, https://arxiv.org/abs/2312.10758,
section "Coarse-Inference Stage", Eq. (1), (2), (5) to (7).

Deviations:
    - The last block is asked for its attention first. Only tokens that somebody looks at later, those of the key
      points, of the quality and of the wanted patches, have an output, a projection and an MLP there. Same output.

Shapes: B batch, M keypoints, D width, N coarse patches, K selected ones, V visual tokens that are wanted.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_ext.convert.sharpose import sharpose
from mmpose_ext.convert.vit import vit
from mmpose_ext.layers.deploy import Deployable
from mmpose_ext.layers.freezing import Freezable
from mmpose_ext.layers.fused_linear import use_fused_linear
from mmpose_ext.layers.loading import RequiresOwnKeys, rewrite_keys
from mmpose_ext.models.sharpose.arch import resolve_arch
from mmpose_ext.models.sharpose.encoder import Block, attention_rows
from mmpose_ext.models.sharpose.fine_tokens import PatchEmbed, take, to_patches
from mmpose_ext.models.sharpose.grids import grid_of_patches, resample
from mmpose_ext.models.sharpose.initializer import FROM_SCRATCH
from mmpose_ext.models.sharpose.positions import Grid, resize_positions, stored_grid
from mmpose_ext.models.sharpose.quality import QualityActivation, QualityPredictor
from mmpose_ext.models.sharpose.relevance import accumulate, relevance, select


class CoarseResult(NamedTuple):
    """What the coarse stage gives out."""

    keypoints: Tensor
    """Keypoint tokens, (B, M, D)."""
    quality_token: Tensor
    """(B, D)."""
    visual: Tensor
    """Visual tokens of the wanted patches, by descending relevance, (B, V, D)."""
    scores: Tensor
    """Relevance of every patch, (B, N)."""
    selected: Tensor
    """Patches to refine, by descending relevance, (B, K)."""
    others: Tensor
    """The others, (B, N - K)."""


class CoarseStage(Freezable, Deployable, RequiresOwnKeys, BaseModule):
    """Keypoint tokens, one quality token and the patches of one grid, in one transformer.

    Args:
        arch: Name of a preset or a dict with the fields of :class:`.Arch`.
        num_keypoints: M.
        image_size: Height and width of the images in pixels.
        scale: Factor by which they are resampled, the s_c of the paper.
        patch_size: Height and width of a patch in pixels.
        beta: Weight of the past in the average over the layers, Eq. (6).
        num_scored: How many keypoints, counted from the first, have a say in the selection.
        average_from: First layer of the average over the layers; None for a quarter of the depth.
        quality_activation: See :class:`.QualityPredictor`; None for no predictor.
        drop_path_rate: Drop path of the last block; that of the others rises to it linearly.
        frozen_stages: What is not trained: -1 for nothing, 0 for the patch embedding with its positions, k for the
            first k blocks too.
        init_cfg: Config of the initialization, by default :data:`.FROM_SCRATCH`.

    Raises:
        ValueError: If an argument doesn't fit the others.
    """

    foreign_checkpoints = "MAE's, timm's and ViTPose's weights fit after `mmpose-ext convert vit IN OUT`."

    def __init__(
        self,
        arch: str | dict,
        num_keypoints: int,
        *,
        image_size: tuple[int, int],
        scale: float,
        patch_size: int,
        beta: float,
        num_scored: int,
        average_from: int | None,
        quality_activation: QualityActivation | None,
        drop_path_rate: float,
        frozen_stages: int,
        init_cfg: dict | list[dict] | None,
    ) -> None:
        super().__init__(init_cfg or copy.deepcopy(FROM_SCRATCH))
        spec = resolve_arch(arch)
        self.width = spec.width
        self.mlp_ratio = spec.mlp_ratio
        self.image_size = image_size
        self.patch_size = patch_size
        self.coarse_grid = grid_of_patches(image_size, scale, patch_size)
        self.grids: dict[str, Grid] = {}
        """Name of a table of positions -> its rows and columns."""
        self.average_from = spec.depth // 4 if average_from is None else average_from
        if not 0 <= self.average_from < spec.depth:
            raise ValueError(f"expected average_from between 0 and {spec.depth - 1}, got {average_from}")
        self.num_keypoints = num_keypoints
        self.num_scored = num_scored
        self.beta = beta
        self.keypoint_tokens = nn.Parameter(torch.zeros(1, num_keypoints, spec.width))
        self.quality_token = nn.Parameter(torch.zeros(1, 1, spec.width))
        self.patch_embed = PatchEmbed(spec.width, patch_size)
        self.coarse_positions = nn.Parameter(torch.zeros(1, self.coarse_grid[0] * self.coarse_grid[1], spec.width))
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
        if quality_activation is not None:
            self.quality_predictor = QualityPredictor(spec.width, activation=quality_activation)
        self._tell_grid("coarse_positions", self.coarse_grid)
        self.freeze(frozen_stages)

    def _tell_grid(self, name: str, grid: Grid) -> None:
        """Note the rows and columns of a table, also in the state dict: its length does not tell them."""
        self.grids[name] = grid
        self.register_buffer(f"{name}_grid", torch.tensor(grid))

    def stages_to_freeze(self) -> list[list[nn.Module | nn.Parameter]]:
        """The patch embedding with the tables of positions, and the blocks."""
        tables = [getattr(self, name) for name in self.grids if hasattr(self, name)]
        return [[self.patch_embed, *tables], *([block] for block in self.blocks)]

    def missing_positions(self) -> str | None:
        """What to say about tables of positions that are zeros, neither initialized nor loaded; None if none is."""
        tables = {name: getattr(self, name) for name in self.grids}
        zeros = [name for name, table in tables.items() if not (table.is_meta or table.any())]
        if not zeros:
            return None
        return (
            f"{type(self).__name__} is to be trained with zeros as {' and '.join(zeros)}, from which nothing but the "
            "mean pose is learned: load weights, or call init_weights() with the default init_cfg"
        )

    def train(self, mode: bool = True) -> CoarseStage:
        """Change the mode; warn of a training without positions."""
        super().train(mode)
        if mode and (message := self.missing_positions()):
            warnings.warn(message, stacklevel=2)
        return self

    def check_size(self, images: Tensor) -> None:
        """Raise a ``ValueError`` if images (B, 3, height, width) have another size than the model."""
        if (size := tuple(images.shape[2:])) != self.image_size:
            raise ValueError(f"expected images of height and width {self.image_size}, as input_size says, got {size}")

    def embed(self, images: Tensor) -> Tensor:
        """Visual tokens v_0 of Eq. (1), (B, N, D)."""
        patches = to_patches(resample(images, self.coarse_grid, self.patch_size), self.patch_size)
        return self.patch_embed(patches) + self.coarse_positions

    def coarse_stage(self, visual: Tensor, *, select_patches: int = 0, want_patches: int = 0) -> CoarseResult:
        """Run the transformer.

        Args:
            visual: (B, N, D).
            select_patches: K.
            want_patches: V, of how many patches, counted from the most relevant one, the token is given out.
        """
        batch, patches, _ = visual.shape
        first = torch.cat([self.keypoint_tokens, self.quality_token], 1)
        x = torch.cat([first.expand(batch, -1, -1), visual], 1)  # Eq. (1)
        accumulated: Tensor | None = None
        *blocks, last = self.blocks
        for layer, block in enumerate(blocks):  # Eq. (2)
            x, attention = block(x, rows=self.num_scored if layer >= self.average_from else 0)
            if attention is not None:
                accumulated = accumulate(accumulated, attention[..., -patches:], beta=self.beta)  # Eq. (5), (6)
        normed = last.norm1(x)
        key, value = last.attn.keys_and_values(normed)
        rows = attention_rows(last.attn.query(normed[:, : self.num_scored]), key)
        scores = relevance(accumulate(accumulated, rows[..., -patches:], beta=self.beta))
        selected, others = select(scores, select_patches)
        wanted = torch.cat([selected, others], 1)[:, :want_patches] + first.shape[1]
        leading = torch.arange(first.shape[1], device=wanted.device).expand(batch, -1)  # keypoints and quality
        index = torch.cat([leading, wanted], 1)  # into the sequence of all tokens
        attended = last.attn.attend(last.attn.query(take(normed, index)), key, value)
        x = self.norm(last.add_mlp(last.add_attention(take(x, index), attended)))
        count = self.num_keypoints
        return CoarseResult(x[:, :count], x[:, count], x[:, count + 1 :], scores, selected, others)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Exchange the linear layers for faster ones, in place and for inference only; the output stays the same.

        Called by :func:`mmpose_ext.layers.deploy.switch_to_deploy` and by MMPose's ``PoseEstimator.switch_to_deploy``.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        use_fused_linear(self)
        self.mark_deployed()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Convert official keys and those of vision transformers, then fit positions and tokens to this model.

        Positions of another grid are resampled, the tokens of another number of keypoints averaged. A checkpoint of
        another width, depth or patch size is refused.
        """
        if prefix + "pos_embed_list.0" in state_dict:
            rewrite_keys(state_dict, prefix, sharpose)
        elif prefix + "pos_embed" in state_dict:
            rewrite_keys(state_dict, prefix, self._convert_vit)
        for name, grid in self.grids.items():
            table, stored = (state_dict.get(prefix + key) for key in (name, f"{name}_grid"))
            if table is not None:
                state_dict[prefix + name] = resize_positions(table, grid, given=stored_grid(stored))
                state_dict[prefix + f"{name}_grid"] = torch.tensor(grid)
        tokens = state_dict.get(prefix + "keypoint_tokens")
        if tokens is not None and tokens.shape[1] != self.num_keypoints:
            warnings.warn(
                f"the checkpoint has {tokens.shape[1]} keypoints and this model {self.num_keypoints}: "
                "all keypoint tokens start from the mean of the checkpoint's (KeypointTokenHook carries them over by "
                "name, where the checkpoint knows its data set)",
                stacklevel=2,
            )
            state_dict[prefix + "keypoint_tokens"] = tokens.mean(1, keepdim=True).repeat(1, self.num_keypoints, 1)
        self._refuse_another_size(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _refuse_another_size(self, state_dict: Mapping[str, Tensor], prefix: str) -> None:
        """Raise a ``ValueError`` for weights that don't fit, which MMEngine would leave out with a line in the log."""
        for key, value in self.state_dict().items():
            given = state_dict.get(prefix + key)
            if given is not None and given.shape != value.shape:
                raise ValueError(
                    f"expected a checkpoint of a network of width {self.width}, patch size {self.patch_size} and "
                    f"mlp_ratio {self.mlp_ratio}, got {prefix + key} of shape {tuple(given.shape)} in place of "
                    f"{tuple(value.shape)}"
                )
        start = f"{prefix}blocks."
        blocks = {key[len(start) :].split(".")[0] for key in state_dict if key.startswith(start)}
        if blocks and len(blocks) != len(self.blocks):
            raise ValueError(f"expected a checkpoint of a network of {len(self.blocks)} blocks, got {len(blocks)}")

    def _convert_vit(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our keys for those of a vision transformer, both without prefix."""
        converted = {key.removeprefix("backbone."): value for key, value in vit(state_dict).items()}
        other = {"coarse_positions", "fine_positions"} - set(self.grids)
        return {key: value for key, value in converted.items() if key not in other}
