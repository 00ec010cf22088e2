"""The synthetic persons as an MMPose data set that writes itself on first use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmpose.datasets.datasets.body import CocoDataset
from mmpose.registry import DATASETS

from mmpose_ext.datasets.synthetic.writer import ANNOTATIONS, IMAGES, Settings, ensure_dataset, is_complete


@DATASETS.register_module()
class SyntheticPersonDataset(CocoDataset):
    """Rendered persons with COCO's 17 keypoints; the files are generated when they are missing.

    Args:
        data_root: Folder of this set. It may be missing; if it holds a set with other settings, that is an error.
        generate: Settings of the generator, `dict(num_persons=2000, seed=0)`.
        workers: Processes that generate; None takes one for each CPU.
        data_mode: 'topdown' or 'bottomup'.
        bbox_file: Detected boxes in place of the true ones, for testing.
        metainfo: See `CocoDataset`, as all that follow.
        filter_cfg: Filter.
        indices: Use only these samples.
        serialize_data: Share the annotations between the workers of the data loader.
        pipeline: Transforms.
        test_mode: Whether the set is one for testing.
        lazy_init: Load (and generate) only when `full_init` is called.
        max_refetch: Attempts to get a valid sample.
        sample_interval: Take every n-th image only.
    """

    def __init__(
        self,
        *,
        data_root: str,
        generate: dict[str, int] | None = None,
        workers: int | None = None,
        data_mode: str = "topdown",
        bbox_file: str | None = None,
        metainfo: dict[str, Any] | None = None,
        filter_cfg: dict[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        pipeline: Sequence[dict[str, Any] | Callable[..., Any]] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 1000,
        sample_interval: int = 1,
    ) -> None:
        try:
            self.settings = Settings(**(generate or {}))
        except TypeError as error:
            raise ValueError(f"generate has to be dict(num_persons=..., seed=...), got {generate}") from error
        self.workers = workers
        super().__init__(
            ann_file=ANNOTATIONS,
            bbox_file=bbox_file,
            data_mode=data_mode,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix={"img": f"{IMAGES}/"},
            filter_cfg=filter_cfg,
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
            sample_interval=sample_interval,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: dict[str, Any] | None = None) -> dict[str, Any]:
        """COCO's metainfo under an own name, as `CocoMetric` finds the annotation file by the name."""
        parsed = super()._load_metainfo(metainfo)
        if metainfo is None:
            parsed["dataset_name"] = "synthetic_person"
        return parsed

    def load_data_list(self) -> list[dict]:
        """Generate the files if they are missing, and load the annotations."""
        if not is_complete(Path(self.data_root), self.settings):
            number = self.settings.num_persons
            print_log(f"Rendering {number} synthetic persons into {self.data_root}, this once.", "current")
            ensure_dataset(self.data_root, self.settings, workers=self.workers)
        return super().load_data_list()
