"""From persons in images to their keypoints, by a config and its checkpoint or by an ONNX file.

Shapes: N persons, K keypoints; coordinates are (x, y) in pixels of the image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.toolbox.catalogue.configs import find_config, read_config, reason_of
from mmpose_ext.toolbox.inference.description import (
    DESCRIPTION,
    Description,
    check_meta,
    describe,
    read_description,
)
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session
from mmpose_ext.toolbox.inference.weights import load_weights, quiet_logger
from mmpose_ext.toolbox.safe_config import build_codec, build_pipeline

__all__ = ["Crop", "Estimator", "OnnxEstimator", "Pose", "TorchEstimator"]


class Crop(NamedTuple):
    """One person in an image."""

    image: np.ndarray
    """Pixels (H, W, 3), blue, green, red."""
    box: np.ndarray
    """Left, top, right, bottom, score."""


class Pose(NamedTuple):
    """What was found of one person."""

    keypoints: np.ndarray
    """(K, 2)."""
    scores: np.ndarray
    """(K,)."""


class Estimator(Protocol):
    """Finds keypoints."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """`dataset_meta` of MMPose: names, skeleton, colors."""

    def __call__(self, crops: Sequence[Crop]) -> list[Pose]:
        """Keypoints of each person."""


def _packed(pipeline: Compose, crops: Sequence[Crop], meta: Mapping[str, Any]) -> dict[str, list]:
    """A batch as a data loader makes it."""
    return pseudo_collate(
        [pipeline(dict(img=crop.image, bbox=crop.box[None, :4], bbox_score=crop.box[4:], **meta)) for crop in crops]
    )


class TorchEstimator:
    """A config and its checkpoint, by MMPose's own inferencer.

    Args:
        config: Path, ``mmpose::path``, ``mmpose_ext::path``, base name or alias.
        checkpoint: File; None for random weights.
        device: As in PyTorch.
        flip: Whether the maps of the image and of its mirror image are averaged, as most configs do in a test.
        deploy: Whether batch norms are folded into convolutions first, which is faster.

    Raises:
        ValueError: If there is no such config, it is not top-down or can't be built there, or the checkpoint is not one
            of it.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str | None,
        *,
        device: str = "cpu",
        flip: bool = False,
        deploy: bool = True,
    ) -> None:
        from mmpose.apis.inferencers import Pose2DInferencer

        from mmpose_ext.layers.deploy import switch_to_deploy

        self.config = read_config(find_config(config))
        if self.config.get("data_mode", "topdown") != "topdown":
            raise ValueError(f"expected a top-down config, got data_mode={self.config.data_mode!r} in {config}")
        with quiet_logger():
            try:
                inferencer = Pose2DInferencer(str(find_config(config)), None, device=device, det_model="whole_image")
            except Exception as error:  # whatever a registry, a constructor or a device raises
                raise ValueError(f"{config} can't be built for inference on {device} ({reason_of(error)})") from error
            self.model, self._pipeline = inferencer.model, inferencer.pipeline
            about = {} if checkpoint is None else load_weights(self.model, checkpoint)
            if about.get("dataset_meta"):
                check_meta(about["dataset_meta"], str(checkpoint))
            self.meta = self.model.dataset_meta = about.get("dataset_meta") or self.model.dataset_meta
            self.model.test_cfg["flip_test"] = flip
            if deploy:
                switch_to_deploy(self.model)

    def __call__(self, crops: Sequence[Crop]) -> list[Pose]:
        """Keypoints of each person.

        Args:
            crops: Persons, which become one batch.
        """
        with torch.no_grad(), DefaultScope.overwrite_default_scope("mmpose"):
            samples = self.model.test_step(_packed(self._pipeline, crops, self.meta))
        found = [sample.pred_instances for sample in samples]
        return [Pose(np.asarray(one.keypoints)[0], np.asarray(one.keypoint_scores)[0]) for one in found]


class OnnxEstimator:
    """An ONNX file that ``mmpose-ext export`` has written, or another one with the config it came from.

    Args:
        path: The file.
        config: Config that describes the input and the output; None takes the description in the file.
        threads: CPU threads; None for all.
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: If the file can't be read, has no description and no config is given, or a description that names
            anything but the transforms and codecs of :mod:`~mmpose_ext.toolbox.safe_config`.
    """

    def __init__(
        self, path: Path, *, config: str | None = None, threads: int | None = None, device: str = "cpu"
    ) -> None:
        self.path = path
        self._session = onnx_session(path, threads=threads or torch.get_num_threads(), device=device)
        text = self._session.get_modelmeta().custom_metadata_map.get(DESCRIPTION)
        if config is None and text is None:
            raise ValueError(f"{path} was not written by mmpose-ext export; expected --config CONFIG beside it")
        text = json.dumps(describe(read_config(find_config(config)))) if config else text
        about = read_description(str(text), path)
        self.meta = about.meta
        with DefaultScope.overwrite_default_scope("mmpose"):
            if config is None:  # from whoever made the file
                self._pipeline = build_pipeline(about.pipeline, file=path)
                self._codec = build_codec(_batched(about.codec), file=path)
            else:
                self._pipeline = Compose(about.pipeline)
                self._codec = KEYPOINT_CODECS.build(_batched(about.codec))
        self._mean, self._std = (np.array(x, dtype=np.float32)[:, None, None] for x in (about.mean, about.std))
        self._to_rgb = about.bgr_to_rgb
        self._input = self._check_input(about)
        self._half = self._input.type == "tensor(float16)"
        batch = self._input.shape[0]
        self.batch = batch if isinstance(batch, int) else None
        self._try_pipeline(about)

    def _try_pipeline(self, about: Description) -> None:
        """Refuse a pipeline that makes no crops, or none of the size of the input."""
        width, height = about.codec["input_size"]
        try:
            shape = self.images([Crop(np.zeros((8, 8, 3), np.uint8), np.array([0, 0, 8, 8, 1], np.float32))]).shape
        except Exception as error:  # each transform has its own way to refuse its arguments
            raise ValueError(f"expected a pipeline that makes crops in {self.path}, got {error!r}") from error
        if shape != (1, 3, height, width):
            raise ValueError(f"expected crops of {height}x{width} from the pipeline in {self.path}, got {shape[2:]}")

    def _check_input(self, about: Description) -> Any:
        """The one input, if it takes the crops that the description makes."""
        inputs = self._session.get_inputs()
        width, height = about.codec["input_size"]
        shape = inputs[0].shape if len(inputs) == 1 else []
        fits = len(shape) == 4 and all(
            not isinstance(size, int) or size == wanted
            for size, wanted in zip(shape[1:], (3, height, width), strict=True)
        )
        if not fits:
            came = ", ".join(f"{one.name} {one.shape}" for one in inputs) or "none"
            raise ValueError(f"expected one input (batch, 3, {height}, {width}) of {self.path}, got {came}")
        return inputs[0]

    def __call__(self, crops: Sequence[Crop]) -> list[Pose]:
        """Keypoints of each person.

        Args:
            crops: Persons, which become one batch, or several if the file has a fixed batch size.
        """
        packed = _packed(self._pipeline, crops, self.meta)
        images, poses = self._normalized(packed), []
        for (keypoints, scores), sample in zip(self._found(self.run(images)), packed["data_samples"], strict=True):
            meta = sample.metainfo
            scale = meta["input_scale"]
            keypoints = keypoints[0] / meta["input_size"] * scale + meta["input_center"] - 0.5 * scale
            poses.append(Pose(keypoints, scores[0]))
        return poses

    def images(self, crops: Sequence[Crop]) -> np.ndarray:
        """What the network takes, (N, 3, H, W).

        Args:
            crops: Persons.
        """
        return self._normalized(_packed(self._pipeline, crops, self.meta))

    def _normalized(self, packed: Mapping[str, list]) -> np.ndarray:
        images = np.stack([image.numpy() for image in packed["inputs"]]).astype(np.float32)
        return np.ascontiguousarray(((images[:, ::-1] if self._to_rgb else images) - self._mean) / self._std)

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Outputs of the network in float32.

        Args:
            images: (N, 3, H, W). With a fixed batch size they become several batches, the last filled up with zeros.
        """
        images = np.ascontiguousarray(images.astype(np.float16) if self._half else images)
        size, parts = self.batch or len(images), []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            padding = np.zeros((size - len(part), *part.shape[1:]), dtype=part.dtype)
            try:
                outputs = self._session.run(None, {self._input.name: np.concatenate([part, padding])})
            except Exception as error:  # ONNX Runtime has a dozen classes for it
                raise ValueError(f"{self.path} can't be run: {str(error)[:300]}") from error
            parts.append([output[: len(part)].astype(np.float32) for output in outputs])
        return [np.concatenate(output) for output in zip(*parts, strict=True)]

    def _found(self, outputs: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Keypoints and scores of each crop, if the outputs are those of the description."""
        wanted = self.meta["num_keypoints"]
        try:
            found = self._decode(outputs)
            got = len(found[0][1][0])
        except Exception as error:  # whatever a codec stumbles over in outputs that are not its own
            shapes = ", ".join(str(output.shape) for output in outputs)
            raise ValueError(
                f"expected outputs of {self.path} for {type(self._codec).__name__}, got {shapes} ({error})"
            ) from error
        if got != wanted:
            raise ValueError(f"expected {wanted} keypoints from {self.path}, got {got}")
        return found

    def _decode(self, outputs: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        if type(self._codec).__name__ == "SimCCLabel":
            x, y = outputs[-2:]
            return [self._codec.decode(one_x[None], one_y[None]) for one_x, one_y in zip(x, y, strict=True)]
        if self._codec.support_batch_decoding:
            return list(zip(*self._codec.batch_decode(outputs[-1]), strict=True))
        return [self._codec.decode(output) for output in outputs[-1]]


def _batched(codec: Mapping[str, Any]) -> dict[str, Any]:
    """The same codec in the form that decodes a batch at once, if there is one."""
    name = f"Batched{codec.get('type')}"
    KEYPOINT_CODECS.import_from_location()
    return {**codec, "type": name} if name in KEYPOINT_CODECS.module_dict else dict(codec)
