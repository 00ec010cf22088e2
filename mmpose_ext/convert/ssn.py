"""ImageNet weights of timm's ``resnet50_gn`` to the keys of SSN's backbone, which are those of MMPose's ResNet.

There is no ResNet-50 with group norm among torchvision's models and MMPose's checkpoints. timm's has the same layers as
SSN's: groups of 32, the stride on the 3x3 convolution, a convolution with a norm on the shortcut.

Deviations: The paper does not say which ImageNet weights it began with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor


def ssn(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rewrite the state dict of timm's ``resnet50_gn``.

    Args:
        state_dict: Keys of timm.

    Returns:
        Keys of the backbone, without the classifier, for ``init_cfg=dict(type='Pretrained', checkpoint=...)``.

    Raises:
        ValueError: If it is not such a state dict, or if its norms are batch norms.
    """
    if "bn1.weight" not in state_dict or "layer1.0.conv1.weight" not in state_dict:
        raise ValueError(
            "expected the state dict of timm's resnet50_gn, with bn1.weight and layer1.0.conv1.weight; "
            f"got {len(state_dict)} keys, the first are {list(state_dict)[:3]}"
        )
    if "bn1.running_mean" in state_dict:
        raise ValueError("expected a ResNet with group norm (timm's resnet50_gn), got one with batch norm")
    return {
        re.sub(r"\bbn(\d)\b", r"gn\1", key): value.clone()
        for key, value in state_dict.items()
        if not key.startswith("fc.")
    }
