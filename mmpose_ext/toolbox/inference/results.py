"""Output of an inference: images, videos, and one COCO-style JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from mmpose_ext.atomic import atomic_write
from mmpose_ext.toolbox.inference.estimators import Pose
from mmpose_ext.toolbox.inference.frames import Frame, Source

__all__ = ["ImageWriter", "JsonWriter", "Painter", "image_path"]


class JsonWriter:
    """Collects poses in COCO's format; `annotations` alone is what COCO calls a result file.

    Args:
        meta: `dataset_meta` of the network.
        info: Model and checkpoint, in plain types, for whoever opens the file later.
    """

    def __init__(self, meta: Mapping[str, Any], *, info: Mapping[str, Any] | None = None) -> None:
        names = [meta["keypoint_id2name"][i] for i in range(meta["num_keypoints"])]
        skeleton = [[int(a) + 1, int(b) + 1] for a, b in meta.get("skeleton_links", [])]  # COCO counts from 1
        category = {"id": 1, "name": "person", "keypoints": names, "skeleton": skeleton}
        self.info = dict(info or {})
        self.content: dict[str, list] = {"images": [], "annotations": [], "categories": [category]}

    def add(self, frame: Frame, boxes: np.ndarray, poses: Sequence[Pose]) -> None:
        """Add an image.

        Args:
            frame: The image.
            boxes: (N, 5).
            poses: N poses.
        """
        image_id = len(self.content["images"]) + 1
        height, width = frame.image.shape[:2]
        self.content["images"].append({"id": image_id, "file_name": frame.file_name, "width": width, "height": height})
        for box, pose in zip(boxes, poses, strict=True):
            left, top, right, bottom, score = (float(value) for value in box)
            points = np.concatenate([pose.keypoints, pose.scores[:, None]], axis=1)
            self.content["annotations"].append(
                {
                    "id": len(self.content["annotations"]) + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "bbox": [round(value, 2) for value in (left, top, right - left, bottom - top)],
                    "area": round((right - left) * (bottom - top), 2),
                    "iscrowd": 0,
                    "num_keypoints": len(points),
                    "keypoints": [round(float(value), 3) for value in points.ravel()],
                    "score": round(score * float(pose.scores.mean()), 5),
                }
            )

    def write(self, path: Path) -> None:
        """Write the file, one line for each entry.

        Args:
            path: The file.
        """
        with atomic_write(path) as partial:
            partial.write_text(self.text())

    def text(self) -> str:
        """The content of the file."""
        parts = [f'"{key}": [\n{",".join(map(_line, value))}\n]' for key, value in self.content.items()]
        return "{" + ",\n".join([f'"info": {json.dumps(self.info)}', *parts]) + "}\n"


def _line(entry: Mapping[str, Any]) -> str:
    return "\n" + json.dumps(entry)


class Painter:
    """Draws poses over images.

    Args:
        meta: `dataset_meta` of the network.
        threshold: Lowest score of a keypoint that is drawn.
        boxes: Whether boxes are drawn too.
    """

    def __init__(self, meta: Mapping[str, Any], *, threshold: float = 0.3, boxes: bool = True) -> None:
        self._visualizer = PoseLocalVisualizer()
        self._visualizer.set_dataset_meta(dict(meta))
        self._threshold, self._boxes = threshold, boxes

    def __call__(self, image: np.ndarray, boxes: np.ndarray, poses: Sequence[Pose]) -> np.ndarray:
        """Draw over a copy.

        Args:
            image: Pixels (H, W, 3), blue, green, red.
            boxes: (N, 5).
            poses: N poses.

        Returns:
            An image like ``image``.
        """
        if not poses:
            return image.copy()
        size = max(image.shape[:2])
        self._visualizer.radius, self._visualizer.line_width = max(3, size // 160), max(2, size // 320)
        scores = np.stack([pose.scores for pose in poses])
        instances = InstanceData(
            keypoints=np.stack([pose.keypoints for pose in poses]),
            keypoint_scores=scores,
            keypoints_visible=scores,  # what MMPose's visualizer compares with its `kpt_thr`
            bboxes=boxes[:, :4],
            bbox_scores=boxes[:, 4],
        )
        sample = PoseDataSample(pred_instances=instances)
        options: dict[str, Any] = dict(draw_gt=False, draw_bbox=self._boxes, kpt_thr=self._threshold)
        self._visualizer.add_datasample("pose", image[..., ::-1].copy(), sample, **options)
        return np.ascontiguousarray(self._visualizer.get_image()[..., ::-1])


def image_path(folder: Path, source: Source) -> Path:
    """Where the images of a source are written.

    Args:
        folder: The folder of the output.
        source: The source.
    """
    return folder / (source.name + (".jpg" if source.kind == "image" else ".mp4"))


class ImageWriter:
    """Writes images to a folder: images as JPEG, videos and cameras as MP4.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._videos: dict[Path, _Video] = {}

    def add(self, frame: Frame, image: np.ndarray) -> Path:
        """Write one image.

        Args:
            frame: Where it is from.
            image: Pixels.

        Returns:
            The file.

        Raises:
            OSError: If it can't be written.
        """
        path = image_path(self.folder, frame.source)
        if frame.source.kind == "image":
            done, data = cv2.imencode(".jpg", image)
            if not done:
                raise OSError(f"{path} can't be written")
            with atomic_write(path) as partial:
                partial.write_bytes(data.tobytes())
            return path
        if path not in self._videos:
            self._videos[path] = _Video(path, frame.rate, (image.shape[1], image.shape[0]))
        self._videos[path].writer.write(image)
        return path

    def __enter__(self) -> ImageWriter:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Finish the videos, also after an error: what was found until then is kept."""
        broken = [str(path) for path, video in self._videos.items() if not video.finish()]
        if broken and error is None:
            raise OSError(f"{', '.join(broken)} can't be written")


class _Video:
    """A video that takes its name when it is complete.

    Args:
        path: The file.
        rate: Frames per second.
        size: Width and height.

    Raises:
        OSError: If it can't be written.
    """

    def __init__(self, path: Path, rate: float, size: tuple[int, int]) -> None:
        with ExitStack() as stack:
            self._partial = stack.enter_context(atomic_write(path))
            self.writer = cv2.VideoWriter(str(self._partial), cv2.VideoWriter_fourcc(*"mp4v"), rate, size)
            if not self.writer.isOpened():
                raise OSError(f"{path} can't be written")
            self._place = stack.pop_all()

    def finish(self) -> bool:
        """Close the file; False if it is not whole, as on a full disk, which the writer does not tell."""
        self.writer.release()
        try:
            if not _has_index(self._partial):
                self._partial.unlink(missing_ok=True)
                return False
            self._place.close()
            return True
        except OSError:
            return False


def _has_index(path: Path) -> bool:
    """Whether an MP4 has its box ``moov``, which is written last and without which nothing plays it."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[:4], "big")
            if head[4:] == b"moov":
                end = file.tell() - 8 + size
                return file.seek(0, 2) >= end
            if size < 8:  # of 64 bits: the frames of a long video
                size = int.from_bytes(file.read(8), "big") - 8 if size == 1 else 0
                if size < 8:
                    return False
            file.seek(size - 8, 1)
    return False
