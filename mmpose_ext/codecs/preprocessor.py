"""MMPose's data preprocessor for crops of one size, with the same result in less time.

MMPose takes each crop through five new tensors (other device, other order of channels, float, minus the mean, divided
by the deviation) and stacks them at the end, and copies each result's meta information. Here each crop is written
into its place in the batch and normalized there; on a GPU the batch is sent as bytes, at once.

Shapes: B batch, H W crop.

The results equal MMPose's. Batches of several sizes, batch augmentations and padding go its way.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import BaseDataElement
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS
from torch import Tensor

__all__ = ["BatchedPoseDataPreprocessor"]


@MODELS.register_module()
class BatchedPoseDataPreprocessor(PoseDataPreprocessor):
    """:class:`mmpose.models.PoseDataPreprocessor` with the same arguments and results, faster."""

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalize a batch.

        Args:
            data: ``inputs``, a list of B crops (3, H, W), and their ``data_samples``.
            training: Whether batch augmentations are applied.

        Returns:
            ``inputs`` (B, 3, H, W) in float32 and ``data_samples``, on the device of the model.
        """
        inputs, samples = data["inputs"], data.get("data_samples")
        if not self._is_plain(inputs) or samples is None or (training and self.batch_augments is not None):
            return super().forward(data, training)
        shape = tuple(inputs[0].shape[-2:])
        samples = [self._cast(sample) for sample in samples]
        for sample in samples:
            sample.set_metainfo({"batch_input_shape": shape, "pad_shape": shape})
        return {"inputs": self._normalized(inputs), "data_samples": samples}

    def _is_plain(self, inputs: Any) -> bool:
        """Whether the inputs are crops of one size that need no padding."""
        if not isinstance(inputs, list | tuple) or not all(isinstance(crop, Tensor) for crop in inputs):
            return False
        shape = inputs[0].shape
        fits = len(shape) == 3 and shape[0] == 3 and not any(size % self.pad_size_divisor for size in shape[1:])
        return fits and all(crop.shape == shape for crop in inputs)

    def _normalized(self, inputs: list[Tensor]) -> Tensor:
        if self.device.type != "cpu":
            batch = torch.stack(list(inputs)).to(self.device, non_blocking=self._non_blocking)
            batch = batch[:, [2, 1, 0]].float() if self._channel_conversion else batch.float()
            return batch.sub_(self.mean).div_(self.std) if self._enable_normalize else batch
        batch = torch.empty(len(inputs), *inputs[0].shape)
        for place, crop in zip(batch, inputs, strict=True):  # one by one, so that it stays in the cache
            for channel in range(3):
                place[channel].copy_(crop[2 - channel if self._channel_conversion else channel])
            if self._enable_normalize:
                place.sub_(self.mean).div_(self.std)
        return batch

    def _cast(self, sample: BaseDataElement) -> BaseDataElement:
        """The sample on the model's device; the same object where nothing has to be moved."""
        return self.cast_data(sample) if _has_tensor_elsewhere(sample, self.device) else sample


def _has_tensor_elsewhere(element: BaseDataElement, device: torch.device) -> bool:
    return any(
        _has_tensor_elsewhere(value, device)
        if isinstance(value, BaseDataElement)
        else isinstance(value, Tensor) and value.device != device
        for value in element.values()
    )
