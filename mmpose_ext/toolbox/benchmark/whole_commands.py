"""``mmpose-ext infer`` and ``mim test`` as a whole, without their start: networks are built once and run on many sets.

Both read files, cut out persons, run the network and decode. ``infer`` also draws and writes images and a JSON file;
``test`` averages with the mirror image where its config says so and computes the metric. Data are loaded in the main
process.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, TestLoop

from mmpose_ext.toolbox.benchmark.rendered_images import ANNOTATIONS, IMAGES
from mmpose_ext.toolbox.catalogue.configs import reason_of
from mmpose_ext.toolbox.inference.estimators import TorchEstimator
from mmpose_ext.toolbox.inference.run import RANDOM_WEIGHTS, infer
from mmpose_ext.toolbox.networks import Candidate

__all__ = ["InferPass", "TestPass"]

KEYPOINTS = 17
"""Of the rendered persons."""


class InferPass:
    """``mmpose-ext infer`` with one network.

    Args:
        candidate: A config.
        device: As in PyTorch.
        out: Folder of what it writes.

    Raises:
        ValueError: If the candidate is no config, or not one of a top-down network.
    """

    def __init__(self, candidate: Candidate, *, device: str, out: Path) -> None:
        candidate.require_config()
        self.name, self.out = candidate.source, out
        self.estimator = TorchEstimator(candidate.source, None, device=device)

    def on(self, folder: Path) -> Callable[[], object]:
        """The command on a folder of :func:`.write_images`."""
        boxes = folder / ANNOTATIONS
        options = dict(checkpoint=RANDOM_WEIGHTS, boxes=boxes, out=self.out, estimator=self.estimator)
        return lambda: infer([folder / IMAGES], self.name, **options)  # type: ignore[arg-type]


class TestPass:
    """``mim test`` with one network.

    Args:
        candidate: A config of a network with COCO's 17 keypoints.
        device: As in PyTorch.
        out: Folder of its logs.

    Raises:
        ValueError: If the candidate is no such config, or MMEngine can't build its runner.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self, candidate: Candidate, *, device: str, out: Path) -> None:
        config = copy.deepcopy(candidate.require_config())
        number = config.model.head.get("out_channels")
        if number != KEYPOINTS:
            raise ValueError(f"expected a network with {KEYPOINTS} keypoints, got {candidate.source} with {number}")
        if "test_dataloader" not in config:
            raise ValueError(f"expected a config with a test set, got {candidate.source}")
        config.work_dir, config.log_level, config.load_from = str(out), "ERROR", None
        config.visualizer = dict(type="PoseLocalVisualizer", vis_backends=[])
        self.config, self.scope = config, config.get("default_scope", "mmpose")
        try:
            with _quiet(), DefaultScope.overwrite_default_scope(self.scope):
                self.runner = Runner.from_cfg(_without_data(config))
                self.runner.model.to(device).eval()
                self.runner.call_hook("before_run")
        except Exception as error:  # whatever a registry, a constructor or a hook raises
            raise ValueError(f"the runner of {candidate.source} can't be built ({reason_of(error)})") from error

    def on(self, folder: Path) -> Callable[[], object]:
        """The command on a folder of :func:`.write_images`."""
        loader = copy.deepcopy(self.config.test_dataloader)
        pipeline = loader.dataset.pipeline
        loader.dataset = dict(type="CocoDataset", data_root=str(folder), ann_file=ANNOTATIONS, test_mode=True)
        loader.dataset.update(data_prefix=dict(img=f"{IMAGES}/"), data_mode="topdown", pipeline=pipeline)
        loader.update(num_workers=0, persistent_workers=False, drop_last=False)
        metric = dict(type="CocoMetric", ann_file=str(folder / ANNOTATIONS))
        with _quiet(), DefaultScope.overwrite_default_scope(self.scope):
            loop = TestLoop(self.runner, loader, metric)

        def run() -> None:
            self.runner._test_loop = loop
            with _quiet(), DefaultScope.overwrite_default_scope(self.scope):
                loop.run()

        return run


def _without_data(config: Config) -> Config:
    """The config with all that is needed to test, but for the data."""
    config = copy.deepcopy(config)
    for name in [key for key in config if key.startswith(("train_", "val_", "test_")) or key == "optim_wrapper"]:
        config.pop(name)
    for name in ("param_scheduler", "auto_scale_lr"):
        config.pop(name, None)
    return config


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """Without what loops and metrics print."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(disabled)
