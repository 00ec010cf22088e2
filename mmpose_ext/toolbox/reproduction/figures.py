"""The papers' figures drawn again: ``mmpose-ext reproduce PAPER:figN``.

``Figures`` of a metafile names one of :data:`DRAWINGS` for each figure that can be drawn, and the networks or tables
that it shows. A drawing is one public function of this toolbox, called with what the figure and the user say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.paper_figures import Figure
from mmpose_ext.toolbox.reproduction.datasets import data_folder
from mmpose_ext.toolbox.reproduction.rows import load_tables
from mmpose_ext.toolbox.reproduction.scatter_figure import plot_tables
from mmpose_ext.toolbox.studies.curves import plot_curves
from mmpose_ext.toolbox.studies.threshold import sweep_threshold
from mmpose_ext.toolbox.visualization import Panel, Sample, panels_of
from mmpose_ext.toolbox.visualization.layers import layer_panels
from mmpose_ext.toolbox.visualization.projections import projection_panels
from mmpose_ext.toolbox.visualization.ssn_analysis import analyze_channels, analyze_offsets, analyze_scores
from mmpose_ext.toolbox.visualization.visualize import Persons, draw_poses, visualize
from mmpose_ext.toolbox.visualization.xhrnet import fusion
from mmpose_ext.weights import SCHEME, shipped_weights

__all__ = ["DRAWINGS", "FigureInputs", "draw_figure"]

ANNOTATED_BOXES = {"test_dataloader.dataset.bbox_file": None}
"""Test on the boxes of the annotations in place of detected ones."""


@dataclass(frozen=True)
class FigureInputs:
    """What a figure is drawn from; each needs only a part of it.

    Attributes:
        checkpoints: Path of a checkpoint, or name of one that comes with the package, for the first network of the
            figure; ``config=checkpoint`` for any network; ``none`` in place of a checkpoint for random weights.
        images: Files, or folders of images.
        boxes: x, y, width and height in pixels of each person, the same in every image; None for the whole image.
        annotations: COCO-style file with the boxes, by file name.
        metric: What is drawn over the training; "" for the figure's own.
        logs: ``label=log``, or logs, each a file or folder of MMEngine, for the networks of the figure in their order.
        data: Folder of the data sets; None for the configs' own.
        limit: Number of persons at most; None for all, or the 64 of SSN's analyses.
        cfg_options: Keys of the config with dots -> values, for figures of a test set.
        out: Folder of the files.
        command: What was run, for the files that say so.
    """

    checkpoints: Sequence[str] = ()
    images: Sequence[Path] = ()
    boxes: Sequence[Sequence[float]] | None = None
    annotations: Path | None = None
    logs: Sequence[str] = ()
    metric: str = ""
    data: Path | None = None
    limit: int | None = None
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    out: Path = Path("work_dirs/reproduce")
    command: str = "mmpose_ext.toolbox.reproduction.figures.draw_figure"


Drawing = Callable[[Figure, FigureInputs], list[Path]]


def draw_figure(figure: Figure, inputs: FigureInputs) -> list[Path]:
    """Draw a figure.

    Args:
        figure: The figure.
        inputs: What it is drawn from.

    Returns:
        The files, named after the configs, in the folder ``<paper>-fig<number>``.

    Raises:
        ValueError: If nothing can draw the figure, or what it is drawn from is missing or can't be used.
    """
    figure.require_drawing()
    if figure.drawing not in DRAWINGS:
        raise ValueError(f"expected a drawing among {', '.join(DRAWINGS)} for {figure}, got {figure.drawing!r}")
    with data_folder(inputs.data) if inputs.data else nullcontext():
        return DRAWINGS[figure.drawing](figure, inputs)


def _networks(figure: Figure, inputs: FigureInputs) -> dict[str, Path | None]:
    """Config -> checkpoint, None for random weights."""
    if not inputs.checkpoints:
        wanted = " ".join(f"{config}=FILE" for config in figure.configs)
        raise ValueError(f"expected --checkpoint {wanted} for {figure}, with none as FILE for random weights")
    shipped = shipped_weights()
    found: dict[str, Path | None] = {}
    for word in inputs.checkpoints:
        config, _, name = word.rpartition("=")
        if word == "none":
            found |= {alias: None for alias in figure.configs if alias not in found}
            continue
        weights = name.removeprefix(SCHEME).rstrip("/")
        path = Path(name).expanduser()
        if name != "none" and not path.is_file():
            if weights not in shipped:
                raise ValueError(f"expected a checkpoint in {word!r}, got no file {path}")
            path, config = shipped[weights], config or weights
        find_config(config or figure.configs[0])
        found[config or figure.configs[0]] = None if name == "none" else path
    return found


def _persons(figure: Figure, inputs: FigureInputs) -> Persons:
    if not inputs.images:
        raise ValueError(f"expected --image IMAGE for {figure}, got none")
    return Persons(inputs.images, inputs.boxes, inputs.annotations, inputs.limit)


def _out(figure: Figure, inputs: FigureInputs) -> Path:
    return inputs.out / f"{figure.paper}-fig{figure.number}"


def _images(draw: Callable[[nn.Module, Sample], list[Panel]], figure: Figure, inputs: FigureInputs) -> list[Path]:
    """One image for each person and network."""
    persons, files = _persons(figure, inputs), []
    options: dict[str, Any] = dict(boxes=persons.boxes, annotations=persons.annotations, limit=persons.limit)
    for config, checkpoint in _networks(figure, inputs).items():
        files += visualize(config, checkpoint, persons.images, **options, out=_out(figure, inputs), draw=draw)
    return files


def _poses(figure: Figure, inputs: FigureInputs) -> list[Path]:
    persons = _persons(figure, inputs)
    networks = _networks(figure, inputs).items()
    return [draw_poses(config, file, persons, out=_out(figure, inputs)) for config, file in networks]


def _offsets(figure: Figure, inputs: FigureInputs) -> list[Path]:
    files, options = [], _samples(figure, inputs)
    for config, checkpoint in _networks(figure, inputs).items():
        files += analyze_offsets(config, [checkpoint], out=options["out"]).files
        files += analyze_scores(config, checkpoint, **options).files
    return files


def _channels(figure: Figure, inputs: FigureInputs) -> list[Path]:
    networks, options = _networks(figure, inputs).items(), _samples(figure, inputs)
    return [path for config, file in networks for path in analyze_channels(config, file, **options).files]


def _samples(figure: Figure, inputs: FigureInputs) -> dict[str, Any]:
    return {"out": _out(figure, inputs)} | ({"samples": inputs.limit} if inputs.limit else {})


def _thresholds(figure: Figure, inputs: FigureInputs) -> list[Path]:
    files = []
    options: dict[str, Any] = {}
    if inputs.limit:
        batches = -(-inputs.limit // 32)
        options |= {"batch": inputs.limit // batches, "limit": batches}
    options |= dict(rounds=0, cfg_options={**ANNOTATED_BOXES, **inputs.cfg_options}, command=inputs.command)
    for config, checkpoint in _networks(figure, inputs).items():
        sweep = sweep_threshold(config, checkpoint, **options, out=_out(figure, inputs))
        files += [sweep.plot, sweep.json]
    return files


def _curves(figure: Figure, inputs: FigureInputs) -> list[Path]:
    labels = iter(figure.configs)
    logs: dict[str, Path] = {}
    for word in inputs.logs:
        label, _, name = word.rpartition("=")
        label = label or next(labels, Path(name).stem)
        if label in logs:
            raise ValueError(f"expected one --log for each label, got two for {label}")
        logs[label] = Path(name)
    if not logs:
        wanted = " ".join(f"{label}=LOG" for label in figure.configs)
        raise ValueError(f"expected --log {wanted} for {figure}, got none")
    metric = inputs.metric or figure.metric or None
    return plot_curves(logs, metric=metric, name="_".join(logs), out=_out(figure, inputs)).files


def _scatter(figure: Figure, inputs: FigureInputs) -> list[Path]:
    tables = [f"{figure.paper}:{number}" for number in figure.tables]
    if inputs.data:
        from mmpose_ext.toolbox.reproduction.run import reproduce

        report = reproduce(tables, inputs.out, data=inputs.data, checkpoints=inputs.checkpoints, command=inputs.command)
        if report.failed:
            raise ValueError("; ".join(report.failed))
        found = report.tables
    else:
        found = load_tables(tables)
    return [plot_tables(found, Path(_out(figure, inputs), "scatter.png"))]


DRAWINGS: dict[str, Drawing] = {
    "attention": partial(_images, panels_of),
    "curves": _curves,
    "channels": _channels,
    "fusion": partial(_images, fusion),
    "layers": partial(_images, layer_panels),
    "offsets": _offsets,
    "poses": _poses,
    "projections": partial(_images, projection_panels),
    "scatter": _scatter,
    "thresholds": _thresholds,
}
"""Name in a metafile -> what draws it."""
