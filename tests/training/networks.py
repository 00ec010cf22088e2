"""Small forms of the five networks, for 64x64 pixels and 17 keypoints, and what they learn from.

Shapes: B batch, K keypoints.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.mixing.networks import INPUT, MSE, Network, Part, heatmap_head, msra

SIDE = 64
"""Height and width of the images."""
UDP = dict(type="UDPHeatmap", **INPUT, heatmap_size=(16, 16), sigma=1)
FOUR_SIGMAS = dict(type="MultiSigmaHeatmap", **INPUT, heatmap_size=(16, 16), sigma=(1.0, 1.3, 1.6, 2.0))
SIGMAS = [0.05] * 17


def xhrnet(**options: Any) -> Network:
    arch = dict(num_modules=(1, 1, 1), channels=(8, 16, 24, 32), stem_channels=8, num_blocks=1)
    return Network(dict(type="XHRNet", arch=arch, **INPUT, **options), heatmap_head(8, msra(16)), msra(16))


def sharpose(kind: str = "SHaRPose", *, drop_path_rate: float = 0.0, **options: Any) -> Network:
    arch = dict(width=24, depth=4, num_heads=2)
    backbone = dict(type=kind, arch=arch, **INPUT, patch_size=8, drop_path_rate=drop_path_rate, **options)
    head = dict(type="SHaRPoseHead", in_channels=24, out_channels=17, heatmap_size=(16, 16), sigmas=SIGMAS)
    return Network(backbone, dict(**head, quality_weight=0.03, decoder=UDP), UDP)


def ssn(**options: Any) -> Network:
    backbone = dict(type="SSNResNet", depth=18, stem_channels=32, base_channels=32, shift_channels=6, **options)
    neck = dict(type="GlobalNet", in_channels=(32, 64, 128, 256), out_channels=32)
    head = dict(type="SSNHead", in_channels=32, out_channels=17, decoder=FOUR_SIGMAS)
    return Network(backbone, head, FOUR_SIGMAS, neck)


def three_blocks(**options: Any) -> Network:
    backbone = dict(type="SSNResNet", stem_channels=32, base_channels=32, num_stages=1, out_indices=(0,))
    backbone |= dict(shift_channels=6, attention="sigmoid", **options)
    head = dict(type="SSNHead", in_channels=128, out_channels=17, predictors=("P4",), tail="norm", decoder=msra(16))
    return Network(backbone, head, msra(16))


def stacks(kind: str = "BDMPSCANet", number: int = 2, **options: Any) -> Network:
    backbone = dict(type=kind, num_stacks=number, num_keypoints=17, channels=8, depth=3, **options)
    head = dict(type="CPMHead", in_channels=17, out_channels=17, final_layer=None, num_stages=number, loss=MSE)
    return Network(backbone, dict(**head, decoder=msra(16)), msra(16))


def scanet(**options: Any) -> Network:
    return stacks(reduced_channels=16, **options)


def sfm(head: Part | None = None, **options: Any) -> Network:
    backbone = dict(type="SFM", arch=dict(channels=(8, 12, 16)), **options)
    return Network(backbone, dict(type="SFMHead", in_channels=8, out_channels=17, decoder=msra(32)), msra(32))


FIVE: dict[str, Network] = {
    "X-HRNet": xhrnet(),
    "SHaRPose": sharpose(),
    "SSN": ssn(),
    "SCANet": scanet(),
    "SFM": sfm(),
}


def build(network: Network, *, seed: int = 0) -> nn.Module:
    """The estimator with seeded weights, of a size at which nothing vanishes, moved offsets and odd statistics.

    Args:
        network: Any.
        seed: Of the weights.
    """
    torch.manual_seed(seed)
    model = MODELS.build(dict(network.model, train_cfg=None))  # with the accuracy, as by default
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        if name.endswith("shift.offsets"):
            nn.init.normal_(parameter, std=0.2)  # of the longer side of the map
    randomize_statistics(model)
    return model


def randomize_statistics(model: nn.Module) -> None:
    """Give every batch norm the statistics and the scale of some training."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.3, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)


class Batch(NamedTuple):
    """What one step learns from."""

    images: Tensor
    """(B, 3, 64, 64)."""
    samples: list[PoseDataSample]
    """With targets of the codec."""

    def part(self, start: int, stop: int) -> Batch:
        """Some of it."""
        return Batch(self.images[start:stop], self.samples[start:stop])


def batch(codec: Part, persons: int, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Batch:
    """Noise with 17 keypoints anywhere, of which every sixth or so has no label.

    Args:
        codec: Makes the targets.
        persons: B.
        seed: Any number.
        dtype: Of images and targets.
    """
    rng = np.random.default_rng(seed)
    encoder, samples = KEYPOINT_CODECS.build(codec), []
    for _ in range(persons):
        points = rng.uniform(4, SIDE - 4, (1, 17, 2)).astype(np.float32)
        encoded = encoder.encode(points, (rng.uniform(size=(1, 17)) > 0.15).astype(np.float32))
        sample = PoseDataSample(metainfo=dict(input_size=(SIDE, SIDE), flip_indices=list(range(17))))
        sample.gt_fields = PixelData(heatmaps=torch.as_tensor(encoded["heatmaps"]).to(dtype))
        weights = torch.as_tensor(encoded["keypoint_weights"]).to(dtype)
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        samples.append(sample)
    return Batch(torch.from_numpy(rng.standard_normal((persons, 3, SIDE, SIDE))).to(dtype), samples)


def losses_of(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is learned from, of what a head returns."""
    return {name: value for name, value in found.items() if "loss" in name}
