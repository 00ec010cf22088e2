"""Metrics that write the files which the servers of COCO test-dev and MPII test take; neither set has public labels.

Shapes: N persons, K keypoints.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import METRICS

from mmpose_ext.atomic import atomic_write
from mmpose_ext.mpii_release import load_release, submission

__all__ = ["CocoUpload", "MpiiUpload", "check_coco_upload"]

KEYPOINTS = 17


def check_coco_upload(entries: Sequence[Mapping[str, Any]], images: Sequence[int]) -> None:
    """Look for what COCO's server would refuse, or score as nothing.

    Args:
        entries: The content of the file.
        images: All images of the set.

    Raises:
        ValueError: If there is no entry, or one is not a person with 17 times x, y and a score, all finite, in one of
            the images.
    """
    if not entries:
        raise ValueError("expected persons to upload, got none")
    known = set(images)
    for index, entry in enumerate(entries):
        keys = {"image_id", "category_id", "keypoints", "score"}
        numbers = [*entry.get("keypoints", []), entry.get("score")]
        if set(entry) != keys or entry["category_id"] != 1 or len(numbers) != 3 * KEYPOINTS + 1:
            raise ValueError(f"expected {sorted(keys)} of a person with {KEYPOINTS} keypoints, got entry {index}")
        if entry["image_id"] not in known:
            raise ValueError(f"expected an image of this set, got {entry['image_id']} in entry {index}")
        if not np.isfinite(np.asarray(numbers, dtype=float)).all():
            raise ValueError(f"expected finite numbers, got others in entry {index}")


@METRICS.register_module()
class CocoUpload(CocoMetric):
    """Writes `person_keypoints_<subset>_<algorithm>_results.json` and the `.zip` of it for COCO's server.

    Scores and suppression are those of `CocoMetric`.

    Args:
        out_dir: Folder of the files.
        algorithm: Your name for the network, a part of the file's name.
        subset: COCO's name of the set.
        options: Arguments of `CocoMetric`, e.g. `nms_mode`.
    """

    def __init__(
        self,
        out_dir: str,
        *,
        algorithm: str = "mmpose-ext",
        subset: str = "test-dev2017",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.file = Path(out_dir) / f"person_keypoints_{subset}_{algorithm}_results.json"
        super().__init__(**dict(options or {}), format_only=True, outfile_prefix=str(self.file))
        self._written: dict[str, float] = {}

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Write the files.

        Args:
            results: What `process` collected.

        Returns:
            Numbers of images with a person and of persons.
        """
        super().compute_metrics(results)
        return self._written

    def results2json(self, keypoints: Mapping[int, list[dict]], outfile_prefix: str) -> None:
        """Write the file and its archive, once it is found good.

        Args:
            keypoints: Image -> its persons, with `keypoints` (K, 3) and `score`.
            outfile_prefix: Unused.
        """
        entries = [
            {
                "image_id": int(person["img_id"]),
                "category_id": int(person["category_id"]),
                "keypoints": np.asarray(person["keypoints"], dtype=float).round(3).ravel().tolist(),
                "score": float(person["score"]),
            }
            for persons in keypoints.values()
            for person in persons
        ]
        images = self.coco.getImgIds()
        check_coco_upload(entries, images)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.file) as partial:
            partial.write_text(json.dumps(entries))
        archive = self.file.with_suffix(".zip")
        with atomic_write(archive) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
            file.write(self.file, self.file.name)
        found = len({entry["image_id"] for entry in entries})
        print_log(f"{archive}: {len(entries)} persons in {found} of {len(images)} images", "current")
        self._written = {"images": found, "persons": len(entries)}


@METRICS.register_module()
class MpiiUpload(BaseMetric):
    """Writes `pred_keypoints_mpii.mat` for MPII's server; the data set is `MpiiTestDataset`.

    Args:
        ann_file: `mpii_human_pose_v1_u12_1.mat`.
        out_dir: Folder of the file.
        collect_device: Where the results of several processes are gathered, 'cpu' or 'gpu'.
    """

    default_prefix = "mpii"

    def __init__(self, ann_file: str, out_dir: str, *, collect_device: str = "cpu") -> None:
        super().__init__(collect_device=collect_device)
        self.ann_file = ann_file
        self.file = Path(out_dir) / "pred_keypoints_mpii.mat"

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Store the number and the joints of each person.

        Args:
            data_batch: Unused.
            data_samples: Predictions.
        """
        for sample in data_samples:
            self.results.append((int(sample["id"]), np.asarray(sample["pred_instances"]["keypoints"])[0]))

    def compute_metrics(self, results: list[tuple[int, np.ndarray]]) -> dict[str, float]:
        """Write the file.

        Args:
            results: Number and joints (16, 2) of each person.

        Returns:
            The number of persons.

        Raises:
            ValueError: If a person is missing.
        """
        from scipy.io import savemat

        by_person = dict(results)
        if sorted(by_person) != list(range(len(by_person))):
            raise ValueError(f"expected every person of MPII test, got {len(by_person)} with gaps between them")
        keypoints = np.stack([by_person[index] for index in range(len(by_person))])
        pred = submission(load_release(self.ann_file), keypoints)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.file) as partial, partial.open("wb") as file:
            savemat(file, {"pred": pred}, do_compression=True, long_field_names=True)
        print_log(f"{self.file}: {len(keypoints)} persons in {pred.shape[1]} images", "current")
        return {"persons": float(len(keypoints))}
