"""The X-HRNet backbone.

X-HRNet: Towards Lightweight Human Pose Estimation with Spatially Unidimensional Self-Attention,
https://doi.org/10.1109/ICME52920.2022.9859751, section 2.2, Table 1. Stem and iterative head are those
of MMPose's Lite-HRNet.

Deviations:
    - Any input size that is a multiple of 32; the official weights bind the network to 384x288 and below.
    - See also :mod:`.susa`, :mod:`.x_shuffle` and :mod:`.multi_resolution`.

Shapes: B batch, C channels, H W height and width of the input image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmcv.cnn import DepthwiseSeparableConvModule
from mmengine.model import BaseModule
from mmpose.models.backbones.litehrnet import IterativeHead, Stem
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_ext.convert.xhrnet import trained_size, xhrnet
from mmpose_ext.layers.arch import find_arch
from mmpose_ext.layers.deploy import Deployable
from mmpose_ext.layers.freezing import Freezable
from mmpose_ext.layers.loading import RequiresOwnKeys, rewrite_keys
from mmpose_ext.layers.sizes import check_size
from mmpose_ext.models.xhrnet.multi_resolution import MultiResolutionModule
from mmpose_ext.models.xhrnet.susa import Fusion, SpatiallyUnidimensionalSelfAttention
from mmpose_ext.models.xhrnet.x_shuffle import XShuffleBlock

for _block in (SpatiallyUnidimensionalSelfAttention, XShuffleBlock):  # plugin layers
    MODELS.register_module(module=_block)


class Arch(NamedTuple):
    """The numbers of one column of Table 1."""

    num_modules: tuple[int, ...]
    """Multi-resolution modules in each stage; stage s has s + 2 branches."""
    channels: tuple[int, ...] = (40, 80, 160, 320)
    """Channels of each branch, from the highest resolution to the lowest."""
    stem_channels: int = 32
    num_blocks: int = 2
    """Blocks on each branch of a module."""


ARCHS = {"18": Arch(num_modules=(2, 4, 2)), "30": Arch(num_modules=(3, 8, 3))}
"""X-HRNet-18 and X-HRNet-30 of Table 1."""


@MODELS.register_module()
class XHRNet(Freezable, Deployable, RequiresOwnKeys, BaseModule):
    """X-HRNet: a Lite-HRNet whose pointwise convolutions are replaced by SUSA.

    Args:
        arch: ``'18'`` or ``'30'`` (Table 1), or a dict with the fields of :class:`Arch`.
        in_channels: Channels of the input.
        input_size: (width, height) of the training images, in pixels, as in a codec. It sets the lengths of the
            averaging vectors; images of another size run as well, and checkpoints of another size are resampled.
        block: ``'x-shuffle'``, or one of the ablations in :data:`.x_shuffle.BLOCKS`.
        fusion: ``'mul'``, or ``'add'`` (Table 5).
        fixed_averaging: (rows, columns) of averaging vectors that behave as in the official code, where they are
            (96, 72) on every branch. None for vectors of the size of the maps.
        transition_relu: Whether the transitions between stages end with a ReLU, as in Lite-HRNet. The official
            X-HRNet has none there, but the row "Baseline" of Table 4 was counted with it.
        out_indices: Branches to return; 0 is the one with stride 4. Without it, the parameters that no returned map
            depends on (6 without branch 0, 51 with branch 3 alone) are frozen: they would never have a gradient.
        double_statistics: Whether the batch norms of the paths out of the highest resolution move their running
            statistics twice for each step, as in the official code; see :mod:`.multi_resolution`.
        norm_cfg: Config of the normalization.
        norm_eval: Whether to keep the normalization statistics fixed in training.
        frozen_stages: How many stages are not trained: -1 for none, 0 for the stem, k for the first k of three too.
        with_cp: Whether training saves memory by computing each block again in the backward pass. Outputs, gradients
            and the statistics of batch norms are the same.
        init_cfg: Config of the initialization. By default that of the official code: all convolutions from
            N(0, 0.001^2), biases 0, normalization scale 1, averaging vectors 1.

    A checkpoint in the official keys is converted when it is loaded.

    Raises:
        ValueError: If an argument is unknown or doesn't fit the others, if an input is no multiple of 32, or if a
            checkpoint is that of another network or form.

    Example:
        >>> import torch
        >>> from mmpose_ext.models.xhrnet import XHRNet
        >>> [tuple(x.shape) for x in XHRNet('18')(torch.rand(1, 3, 256, 192))]
        [(1, 40, 64, 48)]
    """

    def __init__(
        self,
        arch: str | dict = "18",
        in_channels: int = 3,
        *,
        input_size: Sequence[int] = (192, 256),
        block: str = "x-shuffle",
        fusion: Fusion = "mul",
        fixed_averaging: Sequence[int] | None = None,
        transition_relu: bool = False,
        out_indices: Sequence[int] = (0,),
        double_statistics: bool = False,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            init_cfg
            or [
                dict(type="Normal", std=0.001, layer=["Conv2d", "Linear"]),
                dict(type="Constant", val=1, layer=["_BatchNorm", "GroupNorm", "LayerNorm"]),
            ]
        )
        spec = resolve_arch(arch)
        norm_cfg = norm_cfg or dict(type="BN")
        width, height = pair("input_size", input_size)
        num_branches = len(spec.channels)
        self.stride = 2 ** (num_branches + 1)  # of the lowest branch
        check_size("input_size", height, width, self.stride)
        if not out_indices or any(not 0 <= i < num_branches for i in out_indices):
            raise ValueError(f"out_indices must be branches 0 to {num_branches - 1}, got {tuple(out_indices)}")
        self.out_indices = tuple(out_indices)
        self.norm_eval = norm_eval
        self.fixed_averaging = fixed_averaging is not None

        self.stem = Stem(in_channels, spec.stem_channels, spec.stem_channels, expand_ratio=1, norm_cfg=norm_cfg)
        self.stem.is_init = True  # by init_cfg; else MMEngine goes into it, where ConvModules start by Kaiming
        self.transitions = nn.ModuleList()
        self.stages = nn.ModuleList()
        map_size = (height // 4, width // 4) if fixed_averaging is None else pair("fixed_averaging", fixed_averaging)
        for stage, num_modules in enumerate(spec.num_modules):
            channels = spec.channels[: stage + 2]
            self.transitions.append(self._transition(stage, spec, norm_cfg, transition_relu))
            self.stages.append(
                nn.Sequential(
                    *(
                        MultiResolutionModule(
                            channels,
                            map_size,
                            num_blocks=spec.num_blocks,
                            block=block,
                            fusion=fusion,
                            fixed=fixed_averaging is not None,
                            double_statistics=double_statistics,
                            with_cp=with_cp,
                            norm_cfg=norm_cfg,
                        )
                        for _ in range(num_modules)
                    )
                )
            )
        self.head_layer = IterativeHead(list(spec.channels), norm_cfg=norm_cfg)
        for unused in self._unused(min(self.out_indices), num_branches):
            unused.requires_grad_(False)
        self.freeze(frozen_stages)
        self.to(memory_format=torch.channels_last)

    @staticmethod
    def _transition(stage: int, spec: Arch, norm_cfg: dict, relu: bool) -> nn.ModuleList:
        """Build the paths that open a stage: two from the stem, later one for the new lowest branch."""
        source = spec.stem_channels if stage == 0 else spec.channels[stage]
        act_cfg = dict(type="ReLU") if relu else None
        new = [(spec.channels[0], 1), (spec.channels[1], 2)] if stage == 0 else [(spec.channels[stage + 1], 2)]
        return nn.ModuleList(
            DepthwiseSeparableConvModule(
                source, out, 3, stride=stride, padding=1, norm_cfg=norm_cfg, dw_act_cfg=None, pw_act_cfg=act_cfg
            )
            for out, stride in new
        )

    def _unused(self, highest: int, num_branches: int) -> list[nn.Module]:
        """What only the branches above the highest one that is returned depend on."""
        (*_, last) = self.stages[-1]
        paths = [last.paths[f"{j}to{i}"] for i in range(1, highest) for j in range(num_branches) if j != i]
        return [*paths, *(self.head_layer.projects[num_branches - 1 - i] for i in range(highest))]

    def stages_to_freeze(self) -> list[list[nn.Module]]:
        """The stem, and each stage with its transition."""
        return [[self.stem], *([t, s] for t, s in zip(self.transitions, self.stages, strict=True))]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features.

        Args:
            x: Images of shape (B, 3, H, W), H and W multiples of 32 (of the stride of the lowest branch).

        Returns:
            One map per entry of ``out_indices``; (B, 40, H / 4, W / 4) for branch 0.
        """
        check_size("the input", x.shape[2], x.shape[3], self.stride)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        maps = [x]
        for stage, (transition, modules) in enumerate(zip(self.transitions, self.stages, strict=True)):
            opened = [path(maps[-1]) for path in transition]
            maps = opened if stage == 0 else maps + opened
            maps = modules(maps)
        maps = self.head_layer(maps)
        return tuple(maps[i] for i in self.out_indices)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Convert a checkpoint in official keys."""
        if any(key.startswith(prefix) and key.endswith("group_weight") for key in state_dict):
            rewrite_keys(state_dict, prefix, self._convert)
        self._refuse_fixed_lengths(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _convert(self, official: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our keys for the official ones, both without prefix."""
        size = None if self.fixed_averaging else trained_size(official)
        if size is None and not self.fixed_averaging:
            raise ValueError(
                "this is an official X-HRNet checkpoint whose averaging vectors don't tell the size of the images that "
                "it was trained on; convert it with that size, `mmpose-ext convert xhrnet IN OUT --shape 256 192`, or "
                "build the backbone with fixed_averaging=(96, 72)"
            )
        return xhrnet(official, input_size=size)

    def _refuse_fixed_lengths(self, state_dict: dict[str, Tensor], prefix: str) -> None:
        """Refuse averaging vectors of the official lengths, which must be cut and not resampled."""
        lengths: dict[str, set[int]] = {}
        for key, value in state_dict.items():
            branch = re.match(re.escape(prefix) + r"stages\.\d+\.\d+\.branches\.([01])\..*\.averaging$", key)
            if branch:
                lengths.setdefault(branch[1], set()).add(value.numel())
        if not self.fixed_averaging and lengths.get("0") and lengths["0"] == lengths.get("1"):
            raise ValueError(
                f"the averaging vectors of this checkpoint are {sorted(lengths['0'])} long on every branch, as in the "
                "official code; convert it with the size it was trained at, `mmpose-ext convert xhrnet IN OUT --shape "
                "256 192`, or build the backbone with fixed_averaging=(96, 72)"
            )

    def train(self, mode: bool = True) -> XHRNet:
        """Set the mode; with ``norm_eval`` the normalization stays in evaluation mode."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


def resolve_arch(arch: str | dict) -> Arch:
    """Turn the name or the dict of an architecture into its numbers.

    Raises:
        ValueError: If the name is unknown, a field is unknown, or the numbers don't fit each other.
    """
    spec = find_arch(arch, ARCHS)
    for name, value in (("num_modules", spec.num_modules), ("channels", spec.channels)):
        if not isinstance(value, tuple) or not value:
            raise ValueError(f"{name} must be a sequence of numbers, one for each stage or branch, got {value!r}")
    if len(spec.channels) != len(spec.num_modules) + 1:
        raise ValueError(
            f"stage s has s + 2 branches, so {len(spec.num_modules)} stages need {len(spec.num_modules) + 1} channel "
            f"numbers, got {len(spec.channels)}: {spec.channels}"
        )
    if min(spec.num_modules) < 1 or spec.num_blocks < 1:
        raise ValueError(f"num_modules and num_blocks must be at least 1, got {spec.num_modules}, {spec.num_blocks}")
    if spec.stem_channels % 2 or any(c % 2 for c in spec.channels):
        raise ValueError(f"channels must be divisible by 2, got stem {spec.stem_channels}, branches {spec.channels}")
    return spec


def pair(name: str, value: Sequence[int]) -> tuple[int, int]:
    """Return ``value`` as a tuple of two positive integers.

    Raises:
        ValueError: If it is anything else.
    """
    if not isinstance(value, (list, tuple)) or len(value) != 2 or any(not isinstance(n, int) or n < 1 for n in value):
        raise ValueError(f"{name} must be two positive integers, got {value!r}")
    return value[0], value[1]
