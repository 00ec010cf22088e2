"""What a quality threshold costs and saves: the metric, the share of refined samples and the speed (SHaRPose, Fig. 6).

Each sample is run once, with all of it refined. For a threshold, the prediction of either stage is taken, as the
network itself would; so one pass over the data serves all thresholds. The speed is that of the network on the first
images of the data set, measured in turns, where as large a share of them is refined as of all samples.

With a flip test the mirrored image has a quality of its own, which the network looks at. Here it is as there: each of
the two passes takes its own decision, and the share of refined samples counts both.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from torch import Tensor, nn
from tqdm import tqdm

from mmpose_ext.atomic import atomic_write
from mmpose_ext.models.sharpose import SHaRPoseFeatures
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.devices import AUTO, TIMED, resolve_device
from mmpose_ext.toolbox.inference.weights import quiet_logger
from mmpose_ext.toolbox.networks import build_test_set, load_candidate, merge_options

__all__ = [
    "Row",
    "Stages",
    "Sweep",
    "collect",
    "evaluate",
    "images_per_second",
    "labels",
    "plot",
    "sweep_threshold",
    "thresholds_for",
]


class Stages(NamedTuple):
    """Both stages' tokens and the quality of one batch, in one orientation."""

    coarse: Tensor
    """(B, M, D)."""
    fine: Tensor
    """(B, M, D)."""
    quality: Tensor
    """(B,)."""


class Batch(NamedTuple):
    """What is kept of one batch, on the CPU."""

    passes: list[Stages]
    """One, or with a flip test two."""
    samples: list[Any]
    """Data samples."""


class Row(NamedTuple):
    """One threshold."""

    threshold: float
    refined: float
    """Share of the passes that go through the fine stage."""
    metrics: dict[str, float]
    images_per_second: float | None
    """Of the network alone, None if not measured."""


class Sweep(NamedTuple):
    """All thresholds."""

    rows: list[Row]
    batch: int
    """Batch size of the speed."""
    threads: int
    """CPU threads of PyTorch."""
    json: Path
    plot: Path

    def table(self) -> str:
        """A Markdown table, and how the speed was measured."""
        cells = [
            [
                name,
                f"{row.refined:.1%}",
                *(f"{value:.4f}" for value in row.metrics.values()),
                f"{row.images_per_second:.1f}" if row.images_per_second else "-",
            ]
            for name, row in zip(labels([row.threshold for row in self.rows]), self.rows, strict=True)
        ]
        header = ["Q_thres", "refined", *self.rows[0].metrics, "images/s"]
        note = f"images/s: the network alone, batch {self.batch}, {self.threads} thread(s), no flip test"
        return f"{markdown_table(header, cells)}\n\n{note}"


def sweep_threshold(
    config: str,
    checkpoint: str | Path | None,
    *,
    thresholds: Sequence[float] | None = None,
    number: int = 9,
    metric: str | None = None,
    batch: int | None = None,
    limit: int | None = None,
    rounds: int = 5,
    threads: int | None = None,
    device: str = AUTO,
    cfg_options: Mapping[str, Any] | None = None,
    out: str | Path = "work_dirs/sweep-threshold",
    command: str = "",
) -> Sweep:
    """Accuracy, share of refined samples and speed of a SHaRPose over its quality threshold, on its test set.

    Args:
        config: Path, ``mmpose_ext::path``, base name or alias.
        checkpoint: Its weights; None for random ones.
        thresholds: What to try; None for those that refine evenly spaced shares of the samples.
        number: How many thresholds where none are given, at least 2.
        metric: The metric in the plot; None for the first one of the config.
        batch: Batch size in place of the config's.
        limit: Stop after this number of batches; None for all.
        rounds: Number of times that the speed at each threshold is measured; 0 for no speed.
        threads: CPU threads of PyTorch; None leaves them as they are.
        device: As in PyTorch, or ``auto``.
        cfg_options: Keys of the config with dots -> their values, e.g. ``{"test_dataloader.dataset.bbox_file": None}``
            for the annotated boxes in place of detected ones.
        out: Folder of the JSON file and the plot.
        command: The command line, for the JSON file.

    Raises:
        ValueError: If the network has no threshold, or the checkpoint, the test set or an argument can't be used.
    """
    if number < 2:
        raise ValueError(f"expected a number of at least 2, got {number}")
    device = resolve_device(device, kinds=TIMED)
    if threads:
        torch.set_num_threads(threads)
    candidate = load_candidate(config)
    settings = candidate.require_config()
    merge_options(settings, cfg_options or {})
    if batch and "test_dataloader" in settings:
        settings.test_dataloader.batch_size = batch
    model = candidate.build(checkpoint=checkpoint).model
    batches, evaluator, images = collect(model, settings, limit=limit, device=device)
    tried = sorted(set(thresholds or thresholds_for(batches, number)))
    scores = [evaluate(model, batches, evaluator, threshold) for threshold in tried]
    plotted = metric or next(iter(scores[0][1]))
    if plotted not in scores[0][1]:
        raise ValueError(f"expected a metric among {', '.join(scores[0][1])}, got {plotted!r}")
    speeds = images_per_second(model, images, [share for share, _ in scores], rounds=rounds) if rounds else None
    rows = [
        Row(threshold, share, metrics, speeds[i] if speeds else None)
        for i, (threshold, (share, metrics)) in enumerate(zip(tried, scores, strict=True))
    ]
    path = Path(out) / f"{candidate.label}.json"
    with atomic_write(path) as file:
        file.write_text(json.dumps(dict(command=command, rows=[row._asdict() for row in rows]), indent=1))
    plot(path.with_suffix(".png"), rows, plotted)
    return Sweep(rows, len(images), torch.get_num_threads(), path, path.with_suffix(".png"))


def collect(
    model: nn.Module, config: Config, *, limit: int | None, device: str
) -> tuple[list[Batch], Evaluator, Tensor]:
    """Run the test set once with everything refined.

    Args:
        model: A pose estimator with a SHaRPose, in ``eval()`` mode.
        config: Its config.
        limit: Stop after this number of batches.
        device: Where to run.

    Returns:
        Both stages of all batches, the evaluator of the config, and the first batch of images.

    Raises:
        ValueError: If the backbone predicts no quality.
    """
    backbone: Any = model.backbone
    if not hasattr(backbone, "quality_threshold"):
        raise ValueError(
            f"expected a backbone with a quality_threshold, such as SHaRPose, got {type(backbone).__name__}"
        )
    backbone.quality_threshold = None
    flip = bool(model.test_cfg.get("flip_test", False))
    loader, evaluator = build_test_set(config)
    batches: list[Batch] = []
    first: Tensor | None = None
    model.to(device)
    for number, data in enumerate(tqdm(loader, desc="both stages", total=limit or len(loader))):
        if number == limit:
            break
        data = model.data_preprocessor(data, False)
        images = data["inputs"]
        first = images if first is None else first
        with torch.no_grad():
            outputs = [backbone(x) for x in ([images, images.flip(-1)] if flip else [images])]
        passes = [Stages(out.coarse.cpu(), out.fine.cpu(), out.quality.float().cpu()) for out in outputs]
        batches.append(Batch(passes, data["data_samples"]))
    if first is None:
        raise ValueError("expected at least one test sample, got none")
    return batches, evaluator, first


def evaluate(
    model: nn.Module, batches: Sequence[Batch], evaluator: Evaluator, threshold: float
) -> tuple[float, dict[str, float]]:
    """Score one threshold.

    Args:
        model: The pose estimator.
        batches: What :func:`collect` returned.
        evaluator: Of the config.
        threshold: Samples of lower quality are refined.

    Returns:
        The share of refined passes, and the metrics.
    """
    device = next(model.parameters()).device
    refined = total = 0
    for batch in batches:
        chosen = []
        for stages in batch.passes:
            rows = stages.quality < threshold
            refined, total = refined + int(rows.sum()), total + len(rows)
            tokens = torch.where(rows[:, None, None], stages.fine, stages.coarse).to(device)
            chosen.append(SHaRPoseFeatures(tokens, tokens, stages.quality, rows, rows.new_zeros(len(rows), 0)))
        samples = copy.deepcopy(batch.samples)
        with torch.no_grad():
            predictions = model.head.predict(chosen if len(chosen) > 1 else chosen[0], samples, test_cfg=model.test_cfg)
        instances, fields = predictions if isinstance(predictions, tuple) else (predictions, None)
        evaluator.process(data_samples=model.add_pred_to_datasample(instances, fields, samples), data_batch=None)
    with quiet_logger(), contextlib.redirect_stdout(io.StringIO()):  # COCO's metric has much to say
        metrics = evaluator.evaluate(total)
    return refined / total, {key: float(value) for key, value in metrics.items()}


def thresholds_for(batches: Sequence[Batch], number: int) -> list[float]:
    """Thresholds that refine evenly spaced shares of the samples, from none to all.

    Args:
        batches: What :func:`collect` returned.
        number: How many, at least 2.
    """
    quality = torch.cat([stages.quality for batch in batches for stages in batch.passes]).sort().values
    inner = [float(quality[round(i * (len(quality) - 1) / (number - 1))]) for i in range(number - 1)]
    return [*inner, float(quality[-1]) + 1e-3]  # strictly below: the first refines none, the last all


def images_per_second(model: nn.Module, images: Tensor, shares: Sequence[float], *, rounds: int) -> list[float]:
    """Speed of backbone and head where a share of the images is refined, in turns.

    Args:
        model: The pose estimator.
        images: One batch, (B, 3, H, W).
        shares: Of the images, those of the lowest quality, to the nearest whole number of them.
        rounds: How often each one has its turn.

    Returns:
        Images per second, median over the rounds.
    """
    seconds: list[list[float]] = [[] for _ in shares]
    synchronize = torch.cuda.synchronize if images.is_cuda else lambda: None
    backbone: Any = model.backbone
    try:
        with torch.inference_mode():
            backbone.quality_threshold = -math.inf
            quality = [*backbone(images).quality.sort().values.tolist(), math.inf]
            for turn in range(rounds + 1):  # the first one warms up
                for i, share in enumerate(shares):
                    backbone.quality_threshold = quality[round(share * len(images))]  # strictly below are refined
                    synchronize()
                    start = time.perf_counter()
                    model.head(backbone(images))
                    synchronize()
                    if turn:
                        seconds[i].append(time.perf_counter() - start)
    finally:
        backbone.quality_threshold = None
    return [len(images) / statistics.median(times) for times in seconds]


def labels(thresholds: Sequence[float]) -> list[str]:
    """Thresholds with as few digits, four or more, as tell them apart.

    Args:
        thresholds: No two equal ones.
    """
    for digits in range(4, 17):
        found = [f"{threshold:.{digits}g}" for threshold in thresholds]
        if len(set(found)) == len(found):
            break
    return found


def plot(path: Path, rows: Sequence[Row], metric: str) -> None:
    """Draw the metric and the share that is not refined over the threshold, as Fig. 6, and beside it the speed.

    Args:
        path: A PNG to write.
        rows: By threshold.
        metric: Which one to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    speeds = [row.images_per_second for row in rows if row.images_per_second]
    columns = 2 if len(speeds) == len(rows) else 1
    figure = Figure(figsize=(1 + 5 * columns, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, *right = figure.subplots(1, columns, squeeze=False, width_ratios=[3, 2][:columns])[0]
    places = range(len(rows))
    left.bar(places, [100 * (1 - row.refined) for row in rows], color="#9db8d9")
    left.set(ylim=(0, 100), ylabel="not refined, %", xlabel="quality threshold")
    left.set_xticks(list(places), labels([row.threshold for row in rows]), rotation=45, ha="right")
    left.yaxis.label.set_color("#5b7ba6")
    score = left.twinx()
    scores = [row.metrics[metric] for row in rows]
    score.plot(places, scores, "o-", color="#c0392b")
    margin = max(0.1 * (max(scores) - min(scores)), 0.02 * max(map(abs, scores)), 1e-3)  # noise shall not fill the axis
    score.set_ylim(min(scores) - margin, max(scores) + margin)
    score.set_ylabel(metric, color="#c0392b")
    for axes in right:
        axes.plot([100 * row.refined for row in rows], speeds, "s-", color="#3d7a4a")
        axes.set(xlabel="refined, %", ylabel="images per second", xlim=(-3, 103), ylim=(0, 1.05 * max(speeds)))
        axes.grid(alpha=0.3)
    with atomic_write(path) as file:
        figure.savefig(file, dpi=110)
