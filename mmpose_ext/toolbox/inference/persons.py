"""Where the persons are: the whole image is one, boxes come from a file, or a detector finds them.

A finder maps images to boxes (N, 5) each: left, top, right, bottom in pixels, and a score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np

from mmpose_ext.toolbox.inference.frames import Frame
from mmpose_ext.toolbox.inference.weights import load_weights, quiet_logger
from mmpose_ext.toolbox.json_file import read_json, shown

__all__ = ["Detector", "Finder", "GivenBoxes", "whole_image"]

_LARGEST = 1e6
"""Pixels; also keeps out NaN."""

Finder = Callable[[Sequence[Frame]], list[np.ndarray]]


def whole_image(frames: Sequence[Frame]) -> list[np.ndarray]:
    """One person who fills the image.

    Args:
        frames: Images.
    """
    return [np.array([[0, 0, *frame.image.shape[1::-1], 1]], dtype=np.float32) for frame in frames]


class GivenBoxes:
    """Boxes from a JSON file.

    Args:
        path: In COCO's format, with `images` (`id`, `file_name`) and `annotations` (`image_id`, `bbox` as x, y, width,
            height, perhaps `score`); or an object that maps file names to lists of such boxes.
        threshold: Lowest score of a box.

    Raises:
        ValueError: If the file is neither, or a box is not four or five numbers with a positive size.
    """

    def __init__(self, path: Path, *, threshold: float = 0.0) -> None:
        self.path, self._threshold = path, threshold
        content = read_json(path, expected="a JSON file with boxes")
        if not isinstance(content, dict):
            raise ValueError(
                f"expected COCO's format or {{file name: [[x, y, width, height], ...]}} in {path}, got "
                f"a {type(content).__name__}"
            )
        self._boxes: dict[str, list[list[float]]] = {}
        try:
            self._read(content)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"expected boxes with the name of their image in {path}, got {error!r}") from error

    def _read(self, content: Mapping[str, Any]) -> None:
        if "annotations" in content:
            names = {image["id"]: Path(image["file_name"]).name for image in content["images"]}
            self._boxes.update({name: [] for name in names.values()})
            for annotation in content["annotations"]:
                box = [*annotation["bbox"], annotation.get("score", 1.0)]
                self._add(names[annotation["image_id"]], box)
            return
        for name, boxes in content.items():
            self._boxes[Path(name).name] = []
            for box in boxes:
                self._add(Path(name).name, box if len(box) == 5 else [*box, 1.0])

    def _add(self, name: str, box: Sequence[Any]) -> None:
        numbers = all(isinstance(value, int | float) and abs(value) < _LARGEST for value in box)
        if len(box) != 5 or not numbers or min(box[2:4]) <= 0:
            raise ValueError(
                f"expected x, y, width, height and perhaps a score of a box in {self.path}, got {shown(list(box))}"
            )
        x, y, width, height, score = box
        if score >= self._threshold:
            self._boxes[name].append([x, y, x + width, y + height, score])

    def __contains__(self, name: str) -> bool:
        """Whether the file has an entry, perhaps of no box, for the name of an image."""
        return name in self._boxes

    def __call__(self, frames: Sequence[Frame]) -> list[np.ndarray]:
        """Boxes of images.

        Args:
            frames: Images.

        Raises:
            ValueError: If the file has no boxes for an image.
        """
        for frame in frames:
            if Path(frame.file_name).name not in self._boxes:
                raise ValueError(f"expected boxes of {Path(frame.file_name).name} in {self.path}, got none")
        boxes = [self._boxes[Path(frame.file_name).name] for frame in frames]
        return [np.array(one, dtype=np.float32).reshape(-1, 5) for one in boxes]


def _nearest(name: str) -> str:
    """Names and aliases of MMDetection's models that look like this one."""
    from mmdet.apis import DetInferencer

    close = get_close_matches(name, DetInferencer.list_models("mmdet"), n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


class Detector:
    """Persons found by a detector of MMDetection, such as RTMDet.

    Args:
        model: Alias or config, e.g. ``rtmdet-m``; see ``mim search mmdet``.
        weights: Checkpoint; None downloads the published one of an alias.
        device: As in PyTorch.
        threshold: Lowest score of a person.
        overlap: Largest overlap of two persons (intersection over union).
        category: Index of the class of persons.

    Raises:
        ValueError: If there is no such detector, or the weights are not those of it.
        OSError: If the weights of an alias can't be downloaded.
    """

    def __init__(
        self,
        model: str,
        *,
        weights: str | None = None,
        device: str = "cpu",
        threshold: float = 0.3,
        overlap: float = 0.3,
        category: int = 0,
    ) -> None:
        from mmdet.apis import DetInferencer

        self.threshold, self.overlap, self.category = threshold, overlap, category
        local = weights is not None and "://" not in weights
        if local and not Path(str(weights)).is_file():
            raise ValueError(f"expected weights of {model}, got {weights}, which does not exist")
        try:
            with quiet_logger():
                self._inferencer = DetInferencer(model=model, weights=weights, device=device, show_progress=False)
        except URLError as error:
            raise OSError(f"the weights of {model} can't be downloaded ({error.reason}); expected a file") from error
        except ValueError as error:
            if "Cannot find model" not in str(error):
                raise
            raise ValueError(f"expected a config or an alias of MMDetection, got {model!r}{_nearest(model)}") from error
        if local:
            load_weights(self._inferencer.model, str(weights))

    def __call__(self, frames: Sequence[Frame]) -> list[np.ndarray]:
        """Boxes of images.

        Args:
            frames: Images.
        """
        from mmpose.evaluation.functional import nms

        images = [frame.image for frame in frames]
        output = self._inferencer(images, batch_size=len(images), return_datasamples=True)
        found = []
        for sample in output["predictions"]:
            instances = sample.pred_instances.cpu().numpy()
            wanted = (instances.labels == self.category) & (instances.scores >= self.threshold)
            boxes = np.concatenate([instances.bboxes, instances.scores[:, None]], axis=1)[wanted]
            found.append(boxes[nms(boxes, self.overlap)].astype(np.float32))
        return found
