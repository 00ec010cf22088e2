"""The analyses of SSN's paper for any checkpoint, as figures and numbers: ``mmpose-ext analyze-ssn``.

Spatial Shortcut Network for Human Pose Estimation, https://arxiv.org/abs/1904.03141, Figures 5 to 7.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS
from torch import Tensor, nn

from mmpose_ext.atomic import atomic_write
from mmpose_ext.models.ssn import FeatureShiftModule
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.studies.ssn import SOURCES, Offsets, modules_of, offsets_of, scores
from mmpose_ext.toolbox.studies.ssn_plots import plot_channels, plot_keypoint_offsets, plot_offsets, save
from mmpose_ext.toolbox.visualization.drawing import sheet, write_image
from mmpose_ext.toolbox.visualization.ssn import panels
from mmpose_ext.toolbox.visualization.topdown import Box, TopdownReader

__all__ = ["Analysis", "analyze_channels", "analyze_offsets", "analyze_receptive_fields", "analyze_scores"]

FOLDER = "work_dirs/analyze-ssn"
_BATCH = 8


class Analysis(NamedTuple):
    """What was written, and what else there is to say."""

    files: list[Path]
    notes: list[str]


def analyze_offsets(config: str, checkpoints: Sequence[str | Path | None], *, out: str | Path = FOLDER) -> Analysis:
    """Learned offsets of all modules (Figure 5): one row of plots for each checkpoint, and their lengths in pixels.

    Args:
        config: Path, ``mmpose_ext::path``, base name or alias.
        checkpoints: Files; None for random weights.
        out: Folder of the figure and the numbers.

    Raises:
        ValueError: If the network has no offsets, or a checkpoint is refused.
    """
    candidate = load_candidate(config)
    images = torch.zeros(1, 3, *candidate.require_shape())
    labels = ["random weights" if one is None else Path(one).stem for one in checkpoints]
    if len(set(labels)) < len(labels):
        labels = [f"{i}: {label}" for i, label in enumerate(labels, start=1)]
    runs = {
        label: offsets_of(candidate.build(checkpoint=one), images)
        for label, one in zip(labels, checkpoints, strict=True)
    }
    path = Path(out, f"{candidate.label}_offsets.png")
    save(plot_offsets(runs), path)
    numbers = {
        label: [dict(name=fsm.name, size=fsm.size, pixels=fsm.pixels.tolist()) for fsm in offsets]
        for label, offsets in runs.items()
    }
    notes = [_length(label, fsm) for label, offsets in runs.items() for fsm in offsets]
    return Analysis([path, _write(path.with_suffix(".json"), numbers)], notes)


def _length(label: str, fsm: Offsets) -> str:
    length = fsm.pixels.norm(dim=1)
    return f"{label}, {fsm.name}: mean length {length.mean():.2f} pixels, longest {length.max():.2f}"


def analyze_scores(
    config: str,
    checkpoint: str | Path | None,
    *,
    fsm: int = 3,
    predictor: str | None = None,
    threshold: float = 0.5,
    samples: int = 64,
    out: str | Path = FOLDER,
) -> Analysis:
    """Offsets that matter for each keypoint (Figure 5c, supplement 1).

    Args:
        config: Path, ``mmpose_ext::path``, base name or alias; its test set is used.
        checkpoint: File; None for random weights.
        fsm: Number of the module, from 1.
        predictor: Name of the predictor that the scores are those of; None for the first one of the head.
        threshold: Score from which a channel counts, in [0, 1].
        samples: Number of persons of the test set.
        out: Folder of the figure and the numbers.

    Raises:
        ValueError: If the network has no such module or predictor, or the checkpoint or the test set can't be used.
    """
    study = _Study(config, checkpoint, fsm, predictor, samples)
    shifted = offsets_of(study.model.backbone, study.batches[0][:1])
    offsets = next((one.pixels for one in shifted if one.name == study.name), None)
    if offsets is None:
        raise ValueError(f"expected a module with offsets, got {study.name}, which does not shift")
    found = scores(study.model, study.module, study.batches, predictor=study.predictor)
    path = Path(out, f"{study.label}_scores-fsm{fsm}.png")
    save(plot_keypoint_offsets(offsets, found, study.keypoints, threshold=threshold), path)
    numbers = dict(
        keypoints=study.keypoints, predictor=study.predictor, offsets=offsets.tolist(), scores=found.tolist()
    )
    return Analysis([path, _write(path.with_suffix(".json"), numbers)], [])


def analyze_channels(
    config: str,
    checkpoint: str | Path | None,
    *,
    fsm: int = 3,
    predictor: str | None = None,
    threshold: float = 0.5,
    samples: int = 64,
    out: str | Path = FOLDER,
) -> Analysis:
    """Number of channels that matter for each keypoint (Figure 6); arguments and errors of :func:`analyze_scores`."""
    study = _Study(config, checkpoint, fsm, predictor, samples)
    kinds = [kind for kind in SOURCES if kind != "attention" or study.module.attention is not None]
    counts = {}
    for kind in kinds:
        found = scores(study.model, study.module, study.batches, predictor=study.predictor, source=kind)
        counts[kind] = (found > threshold).sum(1).tolist()
    title = f"{study.name}: channels with a score above {threshold:g} ({study.predictor})"
    path = Path(out, f"{study.label}_channels-fsm{fsm}.png")
    save(plot_channels(counts, study.keypoints, title=title), path)
    numbers = dict(keypoints=study.keypoints, predictor=study.predictor, channels=counts)
    return Analysis([path, _write(path.with_suffix(".json"), numbers)], [])


def analyze_receptive_fields(
    config: str,
    checkpoint: str | Path | None,
    images: Sequence[str | Path],
    *,
    fsm: int = 3,
    box: Box | None = None,
    channel: int | None = None,
    points: Sequence[tuple[int, int]] | None = None,
    out: str | Path = FOLDER,
) -> Analysis:
    """Effective receptive fields and window positions on images (Figure 7).

    Args:
        config: Path, ``mmpose_ext::path``, base name or alias.
        checkpoint: File; None for random weights.
        images: Files, one person each.
        fsm: Number of the module, from 1.
        box: x, y, width and height of the person in every image, in pixels; None for the whole image.
        channel: Of the non-local maps; None for the one that varies most.
        points: x and y in pixels of the crop; None for the peaks of the map.
        out: Folder of the figures.

    Raises:
        ValueError: If the network has no such module, or a file, channel or point can't be used.
    """
    label, model, module, settings = _load(config, checkpoint, fsm)
    reader = TopdownReader(settings, model)
    files = []
    for image in map(Path, images):
        sample, pose = reader.read(image, box)
        wanted = None if points is None else [(x, y) for x, y in points]
        drawn = panels(module, f"FSM{fsm}", model, sample, channel=channel, points=wanted)
        files.append(Path(out, f"{label}_receptive-field-fsm{fsm}_{image.stem}.png"))
        write_image(files[-1], sheet([pose, *drawn]))
    return Analysis(files, [])


class _Study:
    """A network, one of its modules, and the images that it is studied on."""

    def __init__(
        self, config: str, checkpoint: str | Path | None, fsm: int, predictor: str | None, samples: int
    ) -> None:
        if samples < 1:
            raise ValueError(f"expected at least one sample, got {samples}")
        self.name = f"FSM{fsm}"
        self.label, self.model, self.module, settings = _load(config, checkpoint, fsm)
        first = predictor or next(iter(getattr(self.model.head, "predictors", {})), None)
        if first is None:
            raise ValueError(f"expected a model with an SSNHead, got {type(self.model.head).__name__}")
        self.predictor = first
        self.batches, self.keypoints = _test_images(settings, self.model, samples)


def _load(config: str, checkpoint: str | Path | None, fsm: int) -> tuple[str, Any, FeatureShiftModule, Config]:
    """Short name of the config, the pose estimator, the module that is asked for, and the config."""
    candidate = load_candidate(config)
    settings = candidate.require_config()
    model = candidate.build(checkpoint=checkpoint).model
    modules = modules_of(model)
    if f"FSM{fsm}" not in modules:
        raise ValueError(f"expected --fsm from 1 to {len(modules)}, got {fsm}")
    return candidate.label, model, modules[f"FSM{fsm}"], settings


def _test_images(config: Config, model: nn.Module, number: int) -> tuple[list[Tensor], list[str]]:
    """The first persons of the test set in batches (B, 3, H, W), and the names of the keypoints."""
    if not config.get("test_dataloader"):
        raise ValueError(f"expected a config with a test set, got {config.filename} without test_dataloader")
    with DefaultScope.overwrite_default_scope(config.get("default_scope", "mmpose")):
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # COCO's tools print what they do
                dataset = DATASETS.build(config.test_dataloader.dataset)
            samples = [dataset[i] for i in range(min(number, len(dataset)))]
        except Exception as error:  # a missing folder, a broken annotation file: each data set has its own errors
            raise ValueError(f"the test set of {config.filename} can't be loaded ({error})") from error
        batches = [
            model.data_preprocessor(pseudo_collate(samples[i : i + _BATCH]), False)["inputs"]
            for i in range(0, len(samples), _BATCH)
        ]
    if not batches:
        raise ValueError(f"expected at least one person in the test set of {config.filename}, got none")
    names = dataset.metainfo["keypoint_id2name"]
    return batches, [names[i] for i in range(len(names))]


def _write(path: Path, content: dict[str, Any]) -> Path:
    with atomic_write(path) as file:
        file.write_text(json.dumps(content))
    return path
