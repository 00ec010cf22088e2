"""From persons in pictures to their key points, by a config and its checkpoint or by an ONNX file.

Shapes: N persons, K key points; coordinates are (x, y) in pixels of the picture.

Deviations: none (no paper).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.analysis.export import onnx_session
from mmpose_ext.analysis.export_forms import DESCRIPTION
from mmpose_ext.analysis.models import find_config

__all__ = ["Crop", "Estimator", "OnnxEstimator", "Pose", "TorchEstimator", "describe"]


class Crop(NamedTuple):
    """One person in a picture."""

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
    """Finds key points."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """`dataset_meta` of MMPose: names, skeleton, colours."""

    def __call__(self, crops: Sequence[Crop]) -> list[Pose]:
        """Key points of each person."""


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
        flip: Whether each person is looked at a second time in a mirror, as most configs do in a test.
        deploy: Whether norms are folded into convolutions first, which is faster.
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

        self.config = Config.fromfile(find_config(config))
        if self.config.get("data_mode", "topdown") != "topdown":
            raise ValueError(f"expected a top-down config, got data_mode={self.config.data_mode!r} in {config}")
        inferencer = Pose2DInferencer(str(find_config(config)), checkpoint, device=device, det_model="whole_image")
        self.model, self.meta, self._pipeline = inferencer.model, inferencer.model.dataset_meta, inferencer.pipeline
        self.model.test_cfg["flip_test"] = flip
        if deploy:
            switch_to_deploy(self.model)

    def __call__(self, crops: Sequence[Crop]) -> list[Pose]:
        """Key points of each person.

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
        ValueError: If the file has no description and no config is given.
    """

    def __init__(
        self, path: Path, *, config: str | None = None, threads: int | None = None, device: str = "cpu"
    ) -> None:
        self._session = onnx_session(path, threads=threads or torch.get_num_threads(), device=device)
        text = self._session.get_modelmeta().custom_metadata_map.get(DESCRIPTION)
        if config is None and text is None:
            raise ValueError(f"{path} was not written by mmpose-ext export; expected --config CONFIG beside it")
        about = describe(Config.fromfile(find_config(config))) if config else json.loads(str(text))
        self.meta = _arrays(about["meta"])
        with DefaultScope.overwrite_default_scope("mmpose"):
            self._pipeline = Compose(about["pipeline"])
            self._codec = KEYPOINT_CODECS.build(_batched(about["codec"]))
        self._mean, self._std = (np.array(about[key], dtype=np.float32)[:, None, None] for key in ("mean", "std"))
        self._to_rgb = about["bgr_to_rgb"]
        (self._input,) = self._session.get_inputs()
        self._half = self._input.type == "tensor(float16)"
        batch = self._input.shape[0]
        self.batch = batch if isinstance(batch, int) else None

    def __call__(self, crops: Sequence[Crop]) -> list[Pose]:
        """Key points of each person.

        Args:
            crops: Persons, which become one batch, or several if the file has a fixed batch size.
        """
        packed = _packed(self._pipeline, crops, self.meta)
        images, poses = self._normalised(packed), []
        for (keypoints, scores), sample in zip(self._decode(self._run(images)), packed["data_samples"], strict=True):
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
        return self._normalised(_packed(self._pipeline, crops, self.meta))

    def _normalised(self, packed: Mapping[str, list]) -> np.ndarray:
        images = np.stack([image.numpy() for image in packed["inputs"]]).astype(np.float32)
        return np.ascontiguousarray(((images[:, ::-1] if self._to_rgb else images) - self._mean) / self._std)

    def _run(self, images: np.ndarray) -> list[np.ndarray]:
        """Outputs of a batch; the last one is filled up with zeros where the file has a fixed batch size."""
        images = np.ascontiguousarray(images.astype(np.float16) if self._half else images)
        size, parts = self.batch or len(images), []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            padding = np.zeros((size - len(part), *part.shape[1:]), dtype=part.dtype)
            outputs = self._session.run(None, {self._input.name: np.concatenate([part, padding])})
            parts.append([output[: len(part)].astype(np.float32) for output in outputs])
        return [np.concatenate(output) for output in zip(*parts, strict=True)]

    def _decode(self, outputs: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        if type(self._codec).__name__ == "SimCCLabel":
            x, y = outputs[-2:]
            return [self._codec.decode(one_x[None], one_y[None]) for one_x, one_y in zip(x, y, strict=True)]
        if self._codec.support_batch_decoding:
            return list(zip(*self._codec.batch_decode(outputs[-1]), strict=True))
        return [self._codec.decode(output) for output in outputs[-1]]


def _batched(codec: Mapping[str, Any]) -> dict[str, Any]:
    """The same codec in the form that decodes a batch at once, if there is one."""
    name = f"Batched{codec['type']}"
    return {**codec, "type": name if name in KEYPOINT_CODECS.module_dict else codec["type"]}


def describable(config: Config) -> bool:
    """Whether a config says all that :func:`describe` needs.

    Args:
        config: A config.
    """
    return "test_dataloader" in config and bool((config.model.get("head") or {}).get("decoder"))


def describe(config: Config) -> dict[str, Any]:
    """What has to be known for running a network without its config, in plain types for JSON.

    Args:
        config: A top-down config.

    Returns:
        ``codec``, ``pipeline`` (from picture to crop), ``mean``, ``std``, ``bgr_to_rgb``, ``meta``.
    """
    from mmpose.apis.inference import dataset_meta_from_config

    with DefaultScope.overwrite_default_scope("mmpose"):
        meta = dataset_meta_from_config(config, "test")
    before = config.model.data_preprocessor
    return _plain(
        {
            "codec": config.model.head.decoder,
            "pipeline": config.test_dataloader.dataset.pipeline,
            "mean": before.get("mean", [0.0] * 3),
            "std": before.get("std", [1.0] * 3),
            "bgr_to_rgb": bool(before.get("bgr_to_rgb", False)),
            "meta": meta,
        }
    )


def _plain(value: Any) -> Any:
    """Numbers, texts, lists and dicts in place of arrays, tuples and configs."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set):
        return sorted(value)
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _arrays(meta: Mapping[str, Any]) -> dict[str, Any]:
    """MMPose's types again: numbers as keys, arrays for colours and sigmas."""
    arrays = {"keypoint_colors", "skeleton_link_colors", "sigmas", "dataset_keypoint_weights"}
    result: dict[str, Any] = {}
    for key, value in meta.items():
        if isinstance(value, dict) and all(str(one).isdigit() for one in value):
            value = {int(one): inner for one, inner in value.items()}
        result[key] = np.array(value) if key in arrays else value
    return result
