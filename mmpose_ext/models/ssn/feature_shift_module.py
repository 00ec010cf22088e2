"""The feature shifting module (FSM): a convolution with a large, learned and input-dependent window.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.1, Eq. (1) to (5), Figure 2 left.

Deviations: see :mod:`.shift` and :mod:`.correlation_attention`.

Shapes: B batch, C channels, K shifting channels, H W height and width of the map.
"""

from __future__ import annotations

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_ext.layers.deploy import Deployable, fold_batch_norms
from mmpose_ext.layers.folding import affine_of
from mmpose_ext.layers.pointwise import FromPlanes, ToPlanes
from mmpose_ext.models.ssn.correlation_attention import Activation, CorrelationAttention
from mmpose_ext.models.ssn.shift import LearnedShift


class FeatureShiftModule(Deployable, BaseModule):
    """Mix shifted features into a map: ReLU(BN(P + W^beta (F * shift(W^alpha P)))).

    It has the shape of its input, so it fits between any two layers, and as a plugin layer into the ResNets of the
    OpenMMLab packages that take plugins.

    Args:
        in_channels: C.
        shift_channels: K, the number of offsets.
        attention: Activation of the correlation attention, see :class:`.CorrelationAttention`; None for the ablation
            "w/o CA" of Table 1.
        shifting: Whether to shift; False is the ablation "w/o shifting" of Table 1.
        norm_cfg: Config of the normalization; BN by default, since the channels of an FSM are unbalanced by nature.
        init_cfg: Config of the initialization.

    Attributes:
        inserted: Whether the module does anything. ``DelayedInsertionHook`` keeps it False for the first iterations, in
            which the module hands on its input.

    Raises:
        ValueError: If K or C is below 1, or if the input has another number of channels than C.

    Example:
        >>> import torch
        >>> from mmpose_ext.models.ssn import FeatureShiftModule
        >>> FeatureShiftModule(64, shift_channels=256)(torch.rand(2, 64, 32, 24)).shape
        torch.Size([2, 64, 32, 24])
    """

    def __init__(
        self,
        in_channels: int,
        shift_channels: int = 512,
        *,
        attention: Activation | None = "softplus",
        shifting: bool = True,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if in_channels < 1 or shift_channels < 1:
            raise ValueError(
                f"expected at least 1 channel and 1 shifting channel, got in_channels={in_channels} and "
                f"shift_channels={shift_channels}"
            )
        norm_cfg = norm_cfg or dict(type="BN")
        self.in_channels = in_channels
        self.inserted = True
        self.reduce = nn.Conv2d(in_channels, shift_channels, 1)  # w^alpha
        self.shift = LearnedShift(shift_channels) if shifting else nn.Identity()
        self.attention = (
            CorrelationAttention(in_channels, shift_channels, activation=attention, norm_cfg=norm_cfg)
            if attention is not None
            else None
        )
        self.expand = nn.Conv2d(shift_channels, in_channels, 1)  # w^beta
        self.norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.scale: Tensor | None
        self.register_buffer("scale", None)  # of the norm, where it is folded

    def non_local(self, x: Tensor) -> Tensor:
        """The non-local maps that are added to the input, (B, C, H, W) -> (B, C, H, W)."""
        r = self.reduce(x)  # Eq. (2)
        s = self.shift(r)  # Eq. (1)
        if self.attention is not None:
            s = s * self.attention(x)
        return self.expand(s)

    def forward(self, x: Tensor) -> Tensor:
        """Mix shifted features into a map (B, C, H, W); same shape."""
        if x.shape[1] != self.in_channels:
            raise ValueError(f"expected a map with {self.in_channels} channels, got {tuple(x.shape)}")
        if not self.inserted:
            return x
        if self.scale is not None:
            return torch.addcmul(self.non_local(x), x, self.scale).clamp_min_(0)  # Eq. (4), deployed
        # Not relu, whose gradient needs its output: what takes plugins adds to it in place.
        return self.norm(x + self.non_local(x)).clamp_min(0)  # Eq. (4)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Fold the batch norms, that behind the sum into both summands, in place and for inference only.

        The shift works on planes, the layers around it on ``channels_last`` maps: the 1x1 convolutions at its entrance
        and its exit change the layout. Another norm than batch norm stays.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        if self.is_deployed:
            return
        fold_batch_norms(self)
        if isinstance(self.norm, _BatchNorm) and self.norm.running_mean is not None:
            scale, bias = affine_of(self.norm)
            with torch.no_grad():
                self.expand.weight.mul_(scale[:, None, None, None])
                self.expand.bias.mul_(scale).add_(bias)
            self.scale = scale[:, None, None]
            self.norm = nn.Identity().eval()
        self.reduce, self.expand = ToPlanes(self.reduce).eval(), FromPlanes(self.expand).eval()
        if self.attention is not None:
            self.attention.conv = ToPlanes(self.attention.conv).eval()
        self.mark_deployed()


@torch.no_grad()
def window_energy(module: FeatureShiftModule, attention: Tensor) -> Tensor:
    """How much of the input each window position lets through to each output channel, |sum over c' of Eq. (5)|.

    Args:
        module: An FSM.
        attention: F_k at one position, (K,); ones for a module without attention.

    Returns:
        (C, K).
    """
    through = module.reduce.weight.flatten(1).sum(1)  # (K,)
    return (module.expand.weight.flatten(1) * (through * attention)).abs()  # Eq. (5)
