"""Leaves `curve.png` and `predictions.jpg` in a run's working directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
from mmengine.dist import is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample

from mmpose_ext.atomic import atomic_write
from mmpose_ext.engine.report import Sample, draw_sheet, plot_curves, read_scalars


@HOOKS.register_module()
class RunReportHook(Hook):
    """After each validation: the curves so far, and a sheet of predictions beside the ground truth.

    The curves come from the scalars that `LoggerHook` sends to `LocalVisBackend`, across all starts of a resumed
    run. The sheet shows the same persons every time, spread evenly over the data set. Only the first process writes.

    Args:
        num_samples: Persons on the sheet.
        score_threshold: Joints predicted with less confidence are not drawn.
    """

    priority = "VERY_LOW"  # after LoggerHook

    def __init__(self, *, num_samples: int = 24, score_threshold: float = 0.1) -> None:
        if num_samples < 1:
            raise ValueError(f"num_samples has to be at least 1, got {num_samples}")
        self.num_samples = num_samples
        self.score_threshold = score_threshold
        self._samples: list[Sample] = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the samples of the epoch before."""
        self._samples = []

    before_test_epoch = before_val_epoch

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Keep the outputs that go onto the sheet."""
        self._keep(batch_idx, len(runner.val_dataloader), outputs)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Keep the outputs that go onto the sheet."""
        self._keep(batch_idx, len(runner.test_dataloader), outputs)

    def _keep(self, batch_idx: int, num_batches: int, outputs: Sequence[PoseDataSample] | None) -> None:
        """Take evenly spaced persons, so that the sheet is full after the last batch."""
        if not outputs or not is_main_process():
            return
        due = -(-(batch_idx + 1) * self.num_samples // num_batches) - len(self._samples)
        chosen = outputs[:: max(1, len(outputs) // max(due, 1))][: max(due, 0)]
        self._samples += [Sample.of(output) for output in chosen]

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write sheet and curves."""
        self._write_sheet(runner, runner.val_dataloader.dataset.metainfo)
        if isinstance(runner._train_loop, BaseLoop):  # not a run that only validates
            self._write_curves(runner)

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the sheet."""
        self._write_sheet(runner, runner.test_dataloader.dataset.metainfo)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Write the curves, as the last epochs may have had no validation."""
        self._write_curves(runner)

    def _write_sheet(self, runner: Runner, meta: dict) -> None:
        if self._samples:
            sheet = draw_sheet(self._samples, meta, threshold=self.score_threshold)
            _, data = cv2.imencode(".jpg", sheet)
            with atomic_write(Path(runner.work_dir) / "predictions.jpg") as partial:
                partial.write_bytes(data.tobytes())

    def _write_curves(self, runner: Runner) -> None:
        curves = read_scalars(runner.work_dir)
        if not curves.train:
            runner.logger.warning(f"no curve: no scalars in {runner.work_dir}; is LocalVisBackend one of vis_backends?")
            return
        path = Path(runner.work_dir) / "curve.png"
        per_epoch = len(runner.train_dataloader)
        plot_curves(curves, path, title=runner.experiment_name, iterations_per_epoch=per_epoch)
