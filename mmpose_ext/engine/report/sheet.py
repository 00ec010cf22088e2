"""A contact sheet: ground truth and prediction of one person side by side, many persons on one page.

The drawing is that of MMPose's `PoseLocalVisualizer`; this module crops the person and lays out the page.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import mmcv
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

_MARGIN = 1.3  # side of the crop as a multiple of the box


class Sample(NamedTuple):
    """What is kept of one validated person.

    Attributes:
        path: Image file.
        box: (4,) x1, y1, x2, y2.
        truth: (K, 2) joints.
        labeled: (K,) bool; all False where the data set has boxes but no joints.
        predicted: (K, 2) joints.
        scores: (K,) confidence.
    """

    path: str
    box: np.ndarray
    truth: np.ndarray
    labeled: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, data_sample: PoseDataSample) -> Sample:
        """Take what is needed out of a model's output (the first person of a bottom-up one)."""
        truth, predicted = data_sample.gt_instances, data_sample.pred_instances
        joints = np.asarray(truth.keypoints[0], dtype=float)
        labeled = np.asarray(truth.keypoints_visible[0], dtype=float).reshape(len(joints), -1)[:, 0] > 0
        return cls(
            path=data_sample.img_path,
            box=np.asarray(truth.bboxes[0], dtype=float),
            truth=joints,
            labeled=labeled & bool(np.ptp(joints, axis=0).any()),  # detected boxes come with joints of zeros
            predicted=np.asarray(predicted.keypoints[0], dtype=float),
            scores=np.asarray(predicted.keypoint_scores[0], dtype=float),
        )


def draw_sheet(
    samples: list[Sample],
    meta: dict[str, Any],
    *,
    tile: tuple[int, int] = (180, 240),
    columns: int = 4,
    threshold: float,
) -> np.ndarray:
    """Draw the page.

    Args:
        samples: The persons.
        meta: Metainfo of the data set: skeleton and colors.
        tile: Width and height of one crop; a person takes two.
        columns: Persons in a row.
        threshold: Joints predicted with less confidence are not drawn.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    visualizer = PoseLocalVisualizer(radius=3, line_width=2)
    visualizer.set_dataset_meta(meta)
    pairs = [_draw_pair(visualizer, sample, tile, threshold) for sample in samples]
    blank = np.zeros_like(pairs[0])
    pairs += [blank] * (-len(pairs) % columns)
    rows = [np.concatenate(pairs[i : i + columns], axis=1) for i in range(0, len(pairs), columns)]
    return np.concatenate(rows, axis=0)


def _draw_pair(visualizer: PoseLocalVisualizer, sample: Sample, tile: tuple[int, int], threshold: float) -> np.ndarray:
    """Ground truth on the left, prediction on the right, (h, 2 w, 3) BGR."""
    matrix = _crop_matrix(sample.box, tile)
    image = cv2.warpAffine(mmcv.imread(sample.path, channel_order="rgb"), matrix, tile, flags=cv2.INTER_LINEAR)
    data_sample = PoseDataSample()
    data_sample.gt_instances = _instance(sample.truth, sample.labeled.astype(float), matrix)
    data_sample.pred_instances = _instance(sample.predicted, sample.scores, matrix)
    visualizer.add_datasample("", image, data_sample, kpt_thr=threshold)
    pair = np.ascontiguousarray(visualizer.get_image()[..., ::-1])
    for text, x in (("truth" if sample.labeled.any() else "no truth", 4), ("prediction", tile[0] + 4)):
        for color, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(pair, text, (x, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, color, width, cv2.LINE_AA)
    return pair


def _crop_matrix(box: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """Affine map (2, 3) from the image to a tile that shows the box with a margin."""
    size = np.maximum(box[2:] - box[:2], 1)
    scale = float(np.min(np.asarray(tile) / size)) / _MARGIN
    shift = np.asarray(tile) / 2 - scale * (box[:2] + box[2:]) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _instance(points: np.ndarray, visible: np.ndarray, matrix: np.ndarray) -> InstanceData:
    instance = InstanceData()
    instance.keypoints = (points @ matrix[:, :2].T + matrix[:, 2])[None]
    instance.keypoints_visible = visible[None]
    return instance
