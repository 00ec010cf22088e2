"""The SSN backbone: MMPose's ResNet with feature shifting modules between its blocks.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.3, section 4 "Implementation Details" and
supplement 3, Table 1.

Deviations:
    - "3, 3, 5 and 2" modules per stage are read as: one before every block except the second of a stage that begins
      with a stride. It is the reading whose parameters and FLOPs equal the published ones.
    - The stride of a stage is that of its first 3x3 convolution (MMPose's ``style='pytorch'``).

Shapes: B batch, C channels, H W height and width of the input image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmpose.models.backbones import ResNet
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.convert.ssn import ssn
from mmpose_ext.layers.deploy import Deployable
from mmpose_ext.layers.loading import RequiresOwnKeys, rewrite_keys
from mmpose_ext.models.ssn.correlation_attention import Activation
from mmpose_ext.models.ssn.feature_shift_module import FeatureShiftModule

MODELS.register_module(module=FeatureShiftModule)  # for `plugins` in configs


@MODELS.register_module()
class SSNResNet(Deployable, RequiresOwnKeys, ResNet):
    """ResNet with a feature shifting module (FSM) before its blocks.

    With ``num_stages=1``, ``depth=50`` and ``attention='sigmoid'`` it is the "3Block+3FSM" network.

    Args:
        depth: 18, 34, 50, 101 or 152.
        shift_channels: K of the FSMs; None for a plain ResNet, with the same keys in its checkpoints.
        first_shift_channels: K of the first FSM, half of the others in SSN; None for the same.
        attention: Activation of the correlation attention, ``'softplus'``, ``'sigmoid'``, or None for none.
        shifting: Whether the FSMs shift.
        in_channels: Channels of the image.
        stem_channels: Channels behind the stem.
        base_channels: Inner channels of the blocks of the first stage.
        num_stages: Stages.
        out_indices: Stages whose maps are returned.
        norm_cfg: Config of the normalization of the ResNet, group norm by default. The FSMs have batch norm.
        frozen_stages: Stages that are not trained, -1 for none, with the FSMs in them; see MMPose's ResNet.
        init_cfg: Config of the initialization; see MMPose's ResNet.

    timm's ``resnet50_gn`` is converted when it is loaded, as ``mmpose-ext convert ssn`` does.

    Raises:
        ValueError: If a number of shifting channels is below 1, if a checkpoint is that of another network, or if the
            file of ``init_cfg`` is missing when weights are initialized.

    Example:
        >>> import torch
        >>> from mmpose_ext.models.ssn import SSNResNet
        >>> net = SSNResNet(50, shift_channels=256, attention='sigmoid', num_stages=1, out_indices=(0,))
        >>> [tuple(x.shape) for x in net(torch.rand(1, 3, 64, 48))]
        [(1, 256, 16, 12)]
    """

    foreign_checkpoints = "timm's resnet50_gn fits after `mmpose-ext convert ssn IN OUT`."

    def __init__(
        self,
        depth: int = 50,
        shift_channels: int | None = 512,
        *,
        first_shift_channels: int | None = None,
        attention: Activation | None = "softplus",
        shifting: bool = True,
        in_channels: int = 3,
        stem_channels: int = 64,
        base_channels: int = 64,
        num_stages: int = 4,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        norm_cfg: dict | None = None,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            depth,
            in_channels=in_channels,
            stem_channels=stem_channels,
            base_channels=base_channels,
            num_stages=num_stages,
            strides=(1, 2, 2, 2)[:num_stages],
            dilations=(1, 1, 1, 1)[:num_stages],
            out_indices=out_indices,
            norm_cfg=norm_cfg or dict(type="GN", num_groups=32),
            frozen_stages=frozen_stages,
            init_cfg=init_cfg
            or [
                dict(type="Kaiming", layer="Conv2d"),
                dict(type="Constant", val=1, layer=["_BatchNorm", "GroupNorm"]),
            ],
        )
        self.fsms = nn.ModuleDict()
        if shift_channels is None:
            return
        for stage, block in self.placement():
            number = shift_channels if self.fsms or first_shift_channels is None else first_shift_channels
            self.fsms[self.fsm_name(stage, block)] = FeatureShiftModule(
                getattr(self, self.res_layers[stage])[block].in_channels,
                number,
                attention=attention,
                shifting=shifting,
            )
        self._freeze_stages()

    def init_weights(self) -> None:
        """Initialize as ``init_cfg`` says.

        Raises:
            ValueError: If it names a file of ImageNet weights that is not there.
        """
        cfg = self.init_cfg if isinstance(self.init_cfg, dict) else {}
        path = str(cfg.get("checkpoint", ""))
        if cfg.get("type") == "Pretrained" and "://" not in path and not Path(path).expanduser().is_file():
            raise ValueError(
                f"expected ImageNet weights of the ResNet in {path}, which does not exist: make it from timm's "
                f"resnet50_gn with `mmpose-ext convert ssn resnet50_gn_a1h2-8fe6c4d0.pth {path}` (docs/papers/ssn.md "
                "has the address), or start at random with --cfg-options model.backbone.init_cfg=None"
            )
        super().init_weights()

    def placement(self) -> list[tuple[int, int]]:
        """Stage and block, from 0, that have an FSM in front; in the order of the paper's numbers FSM1, FSM2, ..."""
        return [
            (stage, block)
            for stage, number in enumerate(self.stage_blocks)
            for block in range(number)
            if block != 1 or self.strides[stage] == 1
        ]

    @staticmethod
    def fsm_name(stage: int, block: int) -> str:
        """Key of the FSM in front of a block, both from 0: ``layer1_0`` stands before ``layer1.0``."""
        return f"layer{stage + 1}_{block}"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features.

        Args:
            x: Images of shape (B, 3, H, W).

        Returns:
            One map per entry of ``out_indices``, of strides 4, 8, 16, 32.
        """
        if self.is_deployed:
            x = x.contiguous(memory_format=torch.channels_last)
        x = self.maxpool(self.relu(self.norm1(self.conv1(x))))
        maps = []
        for stage, layer in enumerate(self.res_layers):
            for block, bottleneck in enumerate(getattr(self, layer)):
                name = self.fsm_name(stage, block)
                if name in self.fsms:
                    x = self.fsms[name](x)
                x = bottleneck(x)
            if stage in self.out_indices:
                maps.append(x)
        return tuple(maps)

    def switch_to_deploy(self, test_cfg: dict | None = None) -> None:
        """Fold the batch norms, lay out all ``channels_last`` and turn 1x1 convolutions into matrix products, in place.

        For inference only. Group norm depends on the image and stays.

        Args:
            test_cfg: What MMPose hands to every such method; nothing of it is used here.
        """
        del test_cfg
        for fsm in self.fsms.values():
            fsm.switch_to_deploy()
        super().switch_to_deploy()
        self.to(memory_format=torch.channels_last)

    def _freeze_stages(self) -> None:
        """Freeze the first stages and their FSMs; MMPose's ResNet calls it when it is built and in ``train``."""
        super()._freeze_stages()
        for stage, block in self.placement() if hasattr(self, "fsms") else []:
            name = self.fsm_name(stage, block)
            if stage < self.frozen_stages and name in self.fsms:
                self.fsms[name].eval().requires_grad_(False)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Convert timm's ResNet with group norm."""
        if hasattr(self, "gn1") and prefix + "bn1.weight" in state_dict:
            rewrite_keys(state_dict, prefix, ssn)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def train(self, mode: bool = True) -> SSNResNet:
        """Set the mode."""
        super().train(mode)
        return self  # MMPose's returns None
