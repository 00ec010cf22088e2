"""``mmpose-ext infer`` as a function: persons, their poses, images with the poses drawn, and one JSON file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from mmpose_ext.toolbox.catalogue.pretrained import pretrained_weights
from mmpose_ext.toolbox.devices import AUTO, resolve_device
from mmpose_ext.toolbox.inference.estimators import Estimator, OnnxEstimator, TorchEstimator
from mmpose_ext.toolbox.inference.frames import Source, find_sources, read
from mmpose_ext.toolbox.inference.loop import estimate
from mmpose_ext.toolbox.inference.persons import Detector, Finder, GivenBoxes, whole_image
from mmpose_ext.toolbox.inference.results import ImageWriter, JsonWriter, Painter, image_path
from mmpose_ext.weights import DEFAULT

__all__ = ["RANDOM_WEIGHTS", "InferenceReport", "infer"]

RANDOM_WEIGHTS = "none"
"""Stands for a checkpoint: the weights are random."""


class InferenceReport(NamedTuple):
    """What an inference has found and written."""

    predictions: Path
    """The JSON file."""
    images: int
    """Images and frames of videos."""
    persons: int
    unreadable: tuple[str, ...]
    """One sentence for each input that can't be read, with its name and the reason."""
    stopped: bool
    """Whether Control-C ended it early; a camera, which has no end, is ended that way and not stopped."""


def infer(
    paths: Sequence[str | Path],
    model: str = DEFAULT,
    *,
    checkpoint: str | Path | None = None,
    config: str | None = None,
    boxes: Path | None = None,
    detector: str | None = None,
    detector_weights: str | None = None,
    box_threshold: float = 0.3,
    keypoint_threshold: float = 0.3,
    batch: int = 8,
    flip: bool = False,
    device: str = AUTO,
    threads: int | None = None,
    limit: int | None = None,
    out: Path = Path("work_dirs/infer"),
    draw: bool = True,
    on_unreadable: Callable[[str], object] | None = None,
    progress: bool = False,
    estimator: Estimator | None = None,
) -> InferenceReport:
    """Find poses in images, videos or a camera.

    What can't be read is reported, and the rest goes on. Whatever ends the run, what was found until then is written.

    Args:
        paths: Image, folder, video, ``webcam`` or ``webcam:NUMBER``.
        model: Alias or config, or an ONNX file of ``mmpose-ext export``.
        checkpoint: Weights of the model; :data:`RANDOM_WEIGHTS` for random ones; None for those that the package ships,
            and with an ONNX file.
        config: Config of an ONNX file that has no description of its own.
        boxes: JSON file with the boxes of the persons, see :class:`~mmpose_ext.toolbox.inference.persons.GivenBoxes`.
        detector: Detector of MMDetection. Without it and without `boxes` each image is one person.
        detector_weights: Checkpoint of the detector; None downloads that of an alias.
        box_threshold: Lowest score of a box.
        keypoint_threshold: Lowest score of a keypoint that is drawn.
        batch: Persons in a batch.
        flip: Whether the maps of the image and of its mirror image are averaged.
        device: As in PyTorch, or ``auto``.
        threads: CPU threads; None leaves PyTorch's number.
        limit: Stop after so many images.
        out: Folder of the output.
        draw: Whether images with the poses are written beside the JSON file.
        on_unreadable: Called at once with each sentence of ``InferenceReport.unreadable``.
        progress: Whether a bar is shown on stderr.
        estimator: That of the model where it is built already, which saves the start; None builds it.

    Returns:
        What was found, and where it is.

    Raises:
        ValueError: If nothing can be read, or the model, its weights or the boxes can't be used.
        OSError: If something can't be written or downloaded.
    """
    for words, number in (("a batch", batch), ("threads", threads), ("a limit", limit)):
        if number is not None and number < 1:
            raise ValueError(f"expected {words} of at least 1, got {number}")
    if detector_weights is not None and detector is None:
        raise ValueError(f"expected a detector for the detector weights {detector_weights}, got none")
    if threads is not None:
        torch.set_num_threads(threads)
    unreadable: list[str] = []

    def report(sentence: str) -> None:
        unreadable.append(sentence)
        if on_unreadable is not None:
            on_unreadable(sentence)

    sources = find_sources([str(path) for path in paths], unreadable=report)
    _check_out(out, sources)
    given = None if boxes is None else GivenBoxes(boxes, threshold=box_threshold)
    if given is not None:
        sources = _with_boxes(sources, given, report)
    estimator = estimator or _estimator(model, checkpoint, config, device=device, flip=flip, threads=threads)
    finder: Finder = given or whole_image
    if given is None and detector is not None:
        finder = Detector(detector, weights=detector_weights, device=resolve_device(device), threshold=box_threshold)
    painter = Painter(estimator.meta, threshold=keypoint_threshold, boxes=finder is not whole_image) if draw else None
    content = JsonWriter(estimator.meta, info={"model": model, "checkpoint": checkpoint and str(checkpoint)})
    found = estimate(read(sources, limit=limit, unreadable=report), finder, estimator, batch=batch)
    stopped = False
    bar = tqdm(found, total=_total(sources, limit), unit="img", disable=None if progress else True)
    try:
        with ImageWriter(out) as writer, bar:
            for frame, around, poses in bar:
                content.add(frame, around, poses)
                if painter is not None:
                    writer.add(frame, painter(frame.image, around, poses))
                bar.set_postfix(persons=len(content.content["annotations"]), refresh=False)
    except KeyboardInterrupt:
        stopped = all(source.kind != "webcam" for source in sources)
    finally:
        content.write(out / "predictions.json")
    images, persons = (len(content.content[key]) for key in ("images", "annotations"))
    return InferenceReport(out / "predictions.json", images, persons, tuple(unreadable), stopped)


def _check_out(out: Path, sources: Sequence[Source]) -> None:
    """Refuse a folder that is none, or in which the input would be replaced."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"expected a folder for the output, got the file {out}")
    for source in sources:
        try:
            same = image_path(out, source).resolve() == source.path.resolve()
        except (OSError, RuntimeError):  # a loop of links, which is refused where it is read
            continue
        if same:
            raise ValueError(f"expected another folder for the output: {source.path} would be overwritten")


def _total(sources: Sequence[Source], limit: int | None) -> int | None:
    """Number of images, if all sources tell it."""
    counts = [source.count() for source in sources]
    total = None if None in counts else sum(filter(None, counts))
    return limit if limit is not None and (total is None or limit < total) else total


def _with_boxes(sources: Sequence[Source], boxes: GivenBoxes, report: Callable[[str], None]) -> list[Source]:
    """The sources that a file has boxes for; a video or a camera is left to its frames."""
    missing = [source for source in sources if source.kind == "image" and source.path.name not in boxes]
    words = [f"expected boxes of {source.path.name} in {boxes.path}, got none" for source in missing]
    if len(missing) == len(sources):
        raise ValueError(words[0])
    for sentence in words:
        report(sentence)
    return [source for source in sources if source not in missing]


def _estimator(
    model: str, checkpoint: str | Path | None, config: str | None, *, device: str, flip: bool, threads: int | None
) -> Estimator:
    if model.endswith((".onnx", ".xml")):
        if checkpoint is not None:
            raise ValueError(f"{model} has its weights inside: expected no checkpoint beside it, got {checkpoint}")
        return OnnxEstimator(Path(model), config=config, threads=threads, device=device)
    if checkpoint is None:
        checkpoint = pretrained_weights(model)
    if checkpoint is None:
        raise ValueError(
            f"{model} needs weights: give a file with --checkpoint FILE, or try it with random weights by "
            f"--checkpoint {RANDOM_WEIGHTS}; those of {DEFAULT} come with the package"
        )
    if str(checkpoint) == RANDOM_WEIGHTS:
        return TorchEstimator(model, None, device=resolve_device(device), flip=flip)
    if not Path(checkpoint).is_file():
        raise ValueError(f"expected a checkpoint, got {checkpoint}, which does not exist")
    return TorchEstimator(model, str(checkpoint), device=resolve_device(device), flip=flip)
