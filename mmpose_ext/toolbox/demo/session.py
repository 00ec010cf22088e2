"""From the values of the page's form to what the page shows, without Gradio."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import cv2
import numpy as np

from mmpose_ext.datasets.synthetic.scene import render_scene
from mmpose_ext.toolbox.catalogue.choices import Choice, choices
from mmpose_ext.toolbox.catalogue.pretrained import DEFAULT, pretrained_weights
from mmpose_ext.toolbox.demo.predictor import PosePredictor, Prediction, Request
from mmpose_ext.toolbox.inference.frames import Source
from mmpose_ext.toolbox.inference.results import JsonWriter, Painter

__all__ = ["DemoResult", "DemoSession", "FormValues", "Upload", "describe_error"]

KEPT_RESULTS = 4
"""Number of results whose files are kept."""
RANDOM_WEIGHTS = "The weights are random, so the poses mean nothing."


class Upload(NamedTuple):
    """A file from the browser. The browser sends both fields, so neither can be trusted."""

    path: Path
    """Where the file is said to lie on the server."""
    name: str
    """Its name on the visitor's machine."""


class FormValues(NamedTuple):
    """The values of the page's form."""

    image: Upload | None
    model: str
    checkpoint: Upload | None = None
    checkpoint_path: str = ""
    """Path of a checkpoint on the server."""
    detect: bool = False
    person: int = 1
    threshold: float = 0.3


class DemoResult(NamedTuple):
    """What the page shows."""

    status: str
    """``done``, ``random`` (done, with random weights) or ``error``."""
    text: str
    """One or two sentences."""
    prediction: Prediction | None = None
    overlay: np.ndarray | None = None
    """The image with its poses, (H, W, 3), RGB."""
    panels: tuple[tuple[np.ndarray, str], ...] = ()
    """What the network looks at: RGB images with their titles."""
    panel_text: str = ""
    """One sentence about `panels`."""
    rows: tuple[tuple[int, str, float, float, float], ...] = ()
    """Person, keypoint, x, y, score."""
    json_file: Path | None = None
    """The poses as JSON in the COCO format."""


class DemoSession:
    """One run of the demo: its models, its files, and what visitors may ask for.

    Args:
        predictor: Estimates the poses.
        folder: An existing folder, which the caller removes. Uploads are read from ``uploads`` below it and from
            nowhere else; results are written to ``results``.
        model: Alias or config that is selected first.
        checkpoint: Weights of that model; None for those that the package ships, or random ones.
        allow_paths: Whether visitors may name configs and checkpoints on this machine by their paths. A config is a
            program, so only somebody who may run programs here may name one.
    """

    def __init__(
        self,
        predictor: PosePredictor,
        *,
        folder: Path,
        model: str = DEFAULT,
        checkpoint: Path | None = None,
        allow_paths: bool = False,
    ) -> None:
        self.predictor, self.model, self.checkpoint, self.allow_paths = predictor, model, checkpoint, allow_paths
        self.uploads, self.results = (folder.resolve() / name for name in ("uploads", "results"))
        for path in (self.uploads, self.results):
            path.mkdir(exist_ok=True)
        self.choices: dict[str, Choice] = {choice.alias: choice for choice in choices()}
        self._seed = 0

    def describe(self, form: FormValues) -> tuple[str, str]:
        """Describe the selected model and its weights, as Markdown.

        Args:
            form: The form.
        """
        choice = self.choices.get(form.model)
        model = (
            choice.description
            if choice
            else f"Config `{Path(form.model).stem}`"
            if self._is_allowed(form.model)
            else ""
        )
        if form.checkpoint:
            return model, f"Weights: `{form.checkpoint.name}`"
        checkpoint = self._find_checkpoint(form)
        if checkpoint is None:
            return model, f"**No checkpoint.** {RANDOM_WEIGHTS} Upload a checkpoint below, or choose {DEFAULT}."
        return model, f"Weights: `{checkpoint.name}`"

    def run(self, form: FormValues) -> DemoResult:
        """Estimate the poses. What goes wrong is part of the result: nothing is raised.

        Args:
            form: The form.
        """
        try:
            form = form._replace(image=self._check(form.image), checkpoint=self._check(form.checkpoint))
            return self._run(form)
        except Exception as error:  # the page has no other place for an error
            if not isinstance(error, ValueError | OSError):
                logging.getLogger(__name__).exception("the demo failed")
            uploads = [upload for upload in (form.image, form.checkpoint) if upload]
            return DemoResult("error", describe_error(error, {str(one.path): one.name for one in uploads}))

    def _run(self, form: FormValues) -> DemoResult:
        if form.image is None:
            raise ValueError("expected an image: upload one, or use the example")
        if not form.model:
            raise ValueError("expected a model, got none")
        if not self._is_allowed(form.model):
            raise ValueError(f"expected one of the listed models, got {form.model!r}")
        checkpoint = self._find_checkpoint(form)
        request = Request(form.image.path, form.model, checkpoint, detect=form.detect, person=form.person)
        prediction = self.predictor.predict(request)
        random = checkpoint is None
        count = len(prediction.poses)
        persons = "no person" if count == 0 else "1 person" if count == 1 else f"{count} persons"
        weights = form.checkpoint.name if form.checkpoint else checkpoint.name if checkpoint else "random weights"
        text = f"{Path(form.model).stem}, {weights}: {persons} in {1000 * prediction.seconds:.0f} ms."
        return DemoResult(
            "random" if random else "done",
            f"{text} {RANDOM_WEIGHTS}" if random else text,
            prediction,
            self.draw(prediction, form.threshold, random=random),
            tuple((_enlarge(panel.image), panel.title) for panel in prediction.panels),
            _describe_panels(prediction, Path(form.model).stem),
            tuple(_table_rows(prediction)),
            self._write_json(prediction, form, weights),
        )

    def _is_allowed(self, model: str) -> bool:
        return model in self.choices or model == self.model or (self.allow_paths and bool(model))

    def _check(self, upload: Upload | None) -> Upload | None:
        """The upload with its links followed, if it lies in the upload folder then."""
        if upload is None:
            return None
        path = upload.path.resolve()
        if not path.is_relative_to(self.uploads) or not path.is_file():
            raise ValueError(f"expected an uploaded file, {upload.name} is not one: upload it again")
        return upload._replace(path=path)

    def _find_checkpoint(self, form: FormValues) -> Path | None:
        """The checkpoint that is asked for; None for random weights."""
        if form.checkpoint:
            return form.checkpoint.path
        if self.allow_paths and form.checkpoint_path.strip():
            return Path(form.checkpoint_path.strip()).expanduser().resolve()
        if form.model == self.model and self.checkpoint:
            return self.checkpoint
        return pretrained_weights(form.model) if form.model in self.choices else None

    def draw(self, prediction: Prediction, threshold: float, *, random: bool) -> np.ndarray:
        """Draw the poses over the image.

        Args:
            prediction: What to draw.
            threshold: Lowest score of a keypoint that is drawn.
            random: Whether the weights are random, which is then written into the image.

        Returns:
            (H, W, 3), RGB.
        """
        image, boxes = prediction.frame.image, prediction.boxes
        detected = len(boxes) != 1 or tuple(boxes[0, :4]) != (0, 0, *image.shape[1::-1])
        drawn = Painter(prediction.meta, threshold=threshold, boxes=detected)(image, boxes, prediction.poses)
        if random:
            _stamp(drawn, "random weights")
        return np.ascontiguousarray(drawn[..., ::-1])

    def render_example(self) -> Path:
        """Render an image of persons, a different one each time.

        Returns:
            A JPEG file.
        """
        self._seed += 1
        image, _ = render_scene(np.random.default_rng(self._seed), 1)
        path = self._new_folder() / f"example-{self._seed}.jpg"
        cv2.imwrite(str(path), image)
        return path

    def _write_json(self, prediction: Prediction, form: FormValues, weights: str) -> Path:
        name = form.image.name if form.image else ""
        content = JsonWriter(prediction.meta, info={"model": form.model, "weights": weights})
        frame = replace(prediction.frame, source=Source("image", Path(name), Path(name).stem))
        content.add(frame, prediction.boxes, prediction.poses)
        stem = re.sub(r"[^\w.-]+", "-", Path(name).stem)[:100] or "image"
        path = self._new_folder() / f"{stem}.json"
        content.write(path)
        return path

    def _new_folder(self) -> Path:
        """A folder for one result; the oldest ones are removed."""
        for old in sorted(self.results.iterdir(), key=lambda path: path.stat().st_mtime)[: -KEPT_RESULTS + 1]:
            shutil.rmtree(old, ignore_errors=True)
        return Path(mkdtemp(dir=self.results))


def describe_error(error: Exception, names: Mapping[str, str]) -> str:
    """Describe an error in one sentence.

    Args:
        error: The error.
        names: Path of an uploaded file -> its name on the visitor's machine, which replaces the path.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    for path, name in names.items():
        either = "|".join(re.escape(part) for part in (path, Path(path).name) if part)
        text = re.sub(either, name.replace("\\", r"\\"), text)
    if not isinstance(error, ValueError | OSError):
        text = f"unexpected error ({type(error).__name__}: {text}); see the terminal"
    text = text if len(text) <= 400 else f"{text[:400]}…"
    if not text.startswith(tuple(names.values())):  # a name stays as it is
        text = text[:1].upper() + text[1:]
    return text.removesuffix(".") + "."


def _describe_panels(prediction: Prediction, model: str) -> str:
    if prediction.person == 0:
        return "No person was found."
    count = len(prediction.poses)
    whose = "" if count == 1 else f" Person {prediction.person} of {count}; person 1 is the largest."
    if prediction.has_own_panels:
        return f"What {model} looks at in the person crop.{whose}"
    if prediction.panels:
        return f"{model} has no visualization of its own; its heatmaps show where the keypoints come from.{whose}"
    return f"{model} has no visualization of its own, and no heatmaps.{whose}"


def _table_rows(prediction: Prediction) -> list[tuple[int, str, float, float, float]]:
    names = prediction.meta["keypoint_id2name"]
    return [
        (person, names[k], round(float(x), 1), round(float(y), 1), round(float(score), 3))
        for person, pose in enumerate(prediction.poses, start=1)
        for k, ((x, y), score) in enumerate(zip(pose.keypoints, pose.scores, strict=True))
    ]


def _enlarge(image: np.ndarray, *, height: int = 384) -> np.ndarray:
    """Scale a small crop up."""
    scale = height / image.shape[0]
    if scale <= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def _stamp(image: np.ndarray, text: str) -> None:
    """Write a line into the lower left corner of an image."""
    scale = max(0.4, min(image.shape[:2]) / 600)
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    bottom = image.shape[0]
    cv2.rectangle(image, (0, bottom - height - 2 * base), (width + 2 * base, bottom), (32, 32, 32), cv2.FILLED)
    where = (base, bottom - base)
    cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, (80, 200, 255), 1, cv2.LINE_AA)
