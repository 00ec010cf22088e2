"""What the feature shifting modules of an SSN have learned: Figures 5 to 7 of the paper for any checkpoint."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext analyze-ssn``.

    Args:
        parser: The parser of this command.
    """
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("config", metavar="CONFIG", help="path, mmpose_ext::path or alias")
    common.add_argument("--out", type=Path, default=Path("work_dirs/analyze-ssn"), help="folder for plots and numbers")
    common.add_argument("--fsm", type=int, default=3, help="number of the module, from 1 (not for offsets)")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--predictor", help="whose heatmaps count; the first of the network without this")
    data.add_argument("--threshold", type=float, default=0.5, help="score from which a channel counts")
    data.add_argument("--samples", type=int, default=64, help="persons of the test data set")
    help_of = "checkpoint file; `none` for random weights"

    def add(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        form = argparse.ArgumentDefaultsHelpFormatter
        return kinds.add_parser(name, help=text, description=text, parents=parents, formatter_class=form)

    offsets = add("offsets", "learned offsets of all modules (Figure 5)", common)
    offsets.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help=help_of + ", several for several rows")
    for name, text in (
        ("scores", "offsets that matter for each key point (Figure 5c, supplement 1)"),
        ("channels", "number of channels that matter for each key point (Figure 6)"),
    ):
        add(name, text, common, data).add_argument("checkpoint", metavar="CHECKPOINT", help=help_of)
    field = add("receptive-field", "effective receptive fields and window positions on images (Figure 7)", common)
    field.add_argument("checkpoint", metavar="CHECKPOINT", help=help_of)
    field.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="images; each one person, or see --box")
    field.add_argument("--box", nargs=4, type=float, metavar=("X", "Y", "W", "H"), help="the person in every image")
    field.add_argument("--channel", type=int, help="of the non-local maps; the liveliest without this")
    field.add_argument(
        "--point",
        nargs=2,
        type=int,
        action="append",
        metavar=("X", "Y"),
        help="pixel of the crop, may be repeated; the peaks of the map without this",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext analyze-ssn``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if something can't be used.
    """
    kinds = dict(offsets=_offsets, scores=_scores, channels=_channels)
    kinds["receptive-field"] = _receptive_field
    try:
        for path in kinds[args.kind](args):
            print(path)
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        print(f"mmpose-ext analyze-ssn: {error}", file=sys.stderr)
        return 2
    return 0


def _offsets(args: argparse.Namespace) -> Iterator[Path]:
    import torch

    from mmpose_ext.toolbox.networks import load_candidate
    from mmpose_ext.toolbox.studies.ssn import offsets_of
    from mmpose_ext.toolbox.studies.ssn_plots import plot_offsets, save

    candidate = load_candidate(args.config)
    images = torch.zeros(1, 3, *candidate.require_shape())
    labels = ["random weights" if each == "none" else Path(each).stem for each in args.checkpoints]
    if len(set(labels)) < len(labels):
        labels = [f"{i}: {label}" for i, label in enumerate(labels, start=1)]
    runs = {
        label: offsets_of(candidate.build(checkpoint=None if each == "none" else each), images)
        for label, each in zip(labels, args.checkpoints, strict=True)
    }
    save(plot_offsets(runs), args.out / "offsets.png")
    yield args.out / "offsets.png"
    numbers = {
        label: [dict(name=fsm.name, size=fsm.size, pixels=fsm.pixels.tolist()) for fsm in offsets]
        for label, offsets in runs.items()
    }
    yield _write(args.out / "offsets.json", numbers)
    for label, offsets in runs.items():
        for fsm in offsets:
            length = fsm.pixels.norm(dim=1)
            print(f"{label}, {fsm.name}: mean length {length.mean():.2f} pixels, longest {length.max():.2f}")


def _scores(args: argparse.Namespace) -> Iterator[Path]:
    from mmpose_ext.toolbox.studies.ssn import offsets_of, scores
    from mmpose_ext.toolbox.studies.ssn_plots import plot_keypoint_offsets, save

    model, fsm, batches, predictor, names = _prepare(args)
    found = scores(model, fsm, batches, predictor=predictor)
    (offsets,) = [each for each in offsets_of(model.backbone, batches[0][:1]) if each.name == f"FSM{args.fsm}"] or [
        None
    ]
    if offsets is None:
        raise ValueError(f"expected a module with offsets, got FSM{args.fsm}, which does not shift")
    figure = plot_keypoint_offsets(offsets.pixels, found, names, threshold=args.threshold)
    save(figure, args.out / f"scores-fsm{args.fsm}.png")
    yield args.out / f"scores-fsm{args.fsm}.png"
    numbers = dict(keypoints=names, predictor=predictor, offsets=offsets.pixels.tolist(), scores=found.tolist())
    yield _write(args.out / f"scores-fsm{args.fsm}.json", numbers)


def _channels(args: argparse.Namespace) -> Iterator[Path]:
    from mmpose_ext.toolbox.studies.ssn import SOURCES, scores
    from mmpose_ext.toolbox.studies.ssn_plots import plot_channels, save

    model, fsm, batches, predictor, names = _prepare(args)
    kinds = [kind for kind in SOURCES if kind != "attention" or fsm.attention is not None]
    counts = {
        kind: (scores(model, fsm, batches, predictor=predictor, source=kind) > args.threshold).sum(1).tolist()
        for kind in kinds
    }
    title = f"FSM{args.fsm}: channels with a score above {args.threshold:g} ({predictor})"
    save(plot_channels(counts, names, title=title), args.out / f"channels-fsm{args.fsm}.png")
    yield args.out / f"channels-fsm{args.fsm}.png"
    yield _write(args.out / f"channels-fsm{args.fsm}.json", dict(keypoints=names, predictor=predictor, channels=counts))


def _receptive_field(args: argparse.Namespace) -> Iterator[Path]:
    import cv2

    from mmpose_ext.toolbox.visualization.drawing import sheet
    from mmpose_ext.toolbox.visualization.ssn import panels
    from mmpose_ext.toolbox.visualization.topdown import TopdownReader

    model, fsm, config = _load(args)
    reader = TopdownReader(config, model)
    points = [tuple(point) for point in args.point] if args.point else None
    for path in args.images:
        sample, pose = reader.read(path, args.box)
        drawn = panels(fsm, f"FSM{args.fsm}", model, sample, channel=args.channel, points=points)
        target = args.out / f"receptive-field-fsm{args.fsm}-{path.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target), sheet([pose, *drawn])[..., ::-1])
        yield target


def _load(args: argparse.Namespace) -> tuple[Any, Any, Config]:
    """The pose estimator, the module that is asked for, and the config."""
    from mmpose_ext.toolbox.networks import load_candidate
    from mmpose_ext.toolbox.studies.ssn import modules_of

    candidate = load_candidate(args.config)
    if candidate.config is None:
        raise ValueError(f"expected a config, got {args.config}")
    model = candidate.build(checkpoint=None if args.checkpoint == "none" else args.checkpoint).model
    fsms = modules_of(model)
    if f"FSM{args.fsm}" not in fsms:
        raise ValueError(f"expected --fsm from 1 to {len(fsms)}, got {args.fsm}")
    return model, fsms[f"FSM{args.fsm}"], candidate.config


def _prepare(args: argparse.Namespace) -> tuple[Any, Any, list[torch.Tensor], str, list[str]]:
    """Model, module, images in batches, name of the predictor, names of the key points."""
    model, fsm, config = _load(args)
    if args.samples < 1:
        raise ValueError(f"expected at least one of --samples, got {args.samples}")
    batches, names = _images(config, model, args.samples)
    predictor = args.predictor or next(iter(getattr(model.head, "predictors", {})), None)
    if predictor is None:
        raise ValueError(f"expected a model with an SSNHead, got {type(model.head).__name__}")
    return model, fsm, batches, predictor, names


def _images(config: Config, model: Any, number: int) -> tuple[list[torch.Tensor], list[str]]:
    """The first persons of the test data set, eight to a batch, and the names of the key points."""
    from mmengine.dataset import pseudo_collate
    from mmengine.registry import DefaultScope
    from mmpose.registry import DATASETS

    with DefaultScope.overwrite_default_scope(config.get("default_scope", "mmpose")):
        dataset = DATASETS.build(config.test_dataloader.dataset)
        samples = [dataset[i] for i in range(min(number, len(dataset)))]
        batches = [
            model.data_preprocessor(pseudo_collate(samples[i : i + 8]), False)["inputs"]
            for i in range(0, len(samples), 8)
        ]
    names = dataset.metainfo["keypoint_id2name"]
    return batches, [names[i] for i in range(len(names))]


def _write(path: Path, content: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path
