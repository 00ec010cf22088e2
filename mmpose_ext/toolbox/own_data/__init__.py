"""Your own annotations: checks, metainfo, splits and a ready config."""

from mmpose_ext.toolbox.own_data.dataset import DatasetReport, Training, init_dataset

__all__ = ["DatasetReport", "Training", "init_dataset"]
