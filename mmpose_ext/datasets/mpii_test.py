"""MPII's test persons, which have a rough position and no joints, from MPII's own file."""

from __future__ import annotations

import json
import tempfile

from mmpose.registry import DATASETS

from mmpose_ext.datasets.mpii import ZeroBasedMpiiDataset
from mmpose_ext.mpii_release import NUM_JOINTS, load_release, single_persons


@DATASETS.register_module()
class MpiiTestDataset(ZeroBasedMpiiDataset):
    """The single persons of MPII test, for :class:`~mmpose_ext.evaluation.MpiiUpload`.

    `ann_file` is `mpii_human_pose_v1_u12_1.mat`. Boxes are made as for the other sets; all joints are unlabeled.
    """

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        """Hand the persons to `MpiiDataset` in the form that it reads."""
        before: str = self.ann_file  # type: ignore[has-type]
        persons = [
            {
                "image": person.name,
                "center": person.center,
                "scale": person.scale,
                "joints": [person.center] * NUM_JOINTS,  # MMPose drops persons whose joints are zeros
                "joints_vis": [0] * NUM_JOINTS,
            }
            for person in single_persons(load_release(before))
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(persons, file)
            file.flush()
            self.ann_file = file.name
            try:
                return super()._load_annotations()
            finally:
                self.ann_file = before
