"""Between the page and the studio: from what stands in the fields to what is shown, whatever the page is made with.

Deviations: none (no paper).
"""

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
from mmpose_ext.toolbox.demo.studio import Request, Seen, Studio
from mmpose_ext.toolbox.inference.frames import Source
from mmpose_ext.toolbox.inference.results import JsonWriter, Painter

__all__ = ["Answer", "Desk", "Fields", "Upload", "explain"]

KEPT = 4
"""Number of results whose files stay in the folder."""
RANDOM = "The weights are random: the poses mean nothing, one can only watch the network at work."


class Upload(NamedTuple):
    """A file from the browser."""

    path: Path
    """Where it lies here."""
    name: str
    """What its owner calls it."""


class Fields(NamedTuple):
    """What stands in the fields of the page."""

    picture: Upload | None
    model: str
    uploaded: Upload | None = None
    """A checkpoint."""
    typed: str = ""
    """Path of a checkpoint on this machine."""
    detect: bool = False
    person: int = 1
    threshold: float = 0.3


class Answer(NamedTuple):
    """What the page shows."""

    kind: str
    """``done``, ``random`` (done, with random weights) or ``error``."""
    text: str
    """One or two sentences."""
    seen: Seen | None = None
    picture: np.ndarray | None = None
    """The poses over the picture, (H, W, 3), red, green, blue."""
    panels: tuple[tuple[np.ndarray, str], ...] = ()
    """What the network looks at, each with its title; red, green, blue."""
    about: str = ""
    """One sentence about `panels`."""
    rows: tuple[tuple[int, str, float, float, float], ...] = ()
    """Person, key point, x, y, score."""
    file: Path | None = None
    """All of it as JSON in COCO's format."""


class Desk:
    """Answers what a page asks.

    Args:
        studio: Finds the poses.
        folder: For the files that are offered; somebody else removes it.
        model: Alias or config that the page starts with.
        checkpoint: Weights of that model.
        local: Whether only this machine can open the page. If not, a path or a config in a field is refused: a config
            is a program, and a path says which files there are.
    """

    def __init__(
        self,
        studio: Studio,
        *,
        folder: Path,
        model: str = "xhrnet-18",
        checkpoint: Path | None = None,
        local: bool = True,
    ) -> None:
        self.studio, self.folder, self.model, self.checkpoint, self.local = studio, folder, model, checkpoint, local
        self.zoo: dict[str, Choice] = {choice.alias: choice for choice in choices()}
        self._seed = 0

    def describe(self, fields: Fields) -> tuple[str, str]:
        """What is known about a model and its weights before it runs, as Markdown.

        Args:
            fields: What stands in the fields.
        """
        choice = self.zoo.get(fields.model)
        about = choice.description if choice else f"Config `{fields.model}`" if fields.model else ""
        checkpoint, _ = self._weights(fields)
        if checkpoint is None:
            return about, f"**No checkpoint.** {RANDOM} There are no published weights yet; add your own below."
        return about, f"Weights: `{checkpoint.name}`"

    def look(self, fields: Fields) -> Answer:
        """Find the poses.

        Args:
            fields: What stands in the fields.
        """
        try:
            return self._look(fields)
        except Exception as error:  # a page has no other place for what goes wrong
            if not isinstance(error, ValueError | OSError):
                logging.getLogger(__name__).exception("the demo could not answer")
            uploads = [upload for upload in (fields.picture, fields.uploaded) if upload]
            return Answer("error", explain(error, {str(one.path): one.name for one in uploads}))

    def _look(self, fields: Fields) -> Answer:
        if fields.picture is None:
            raise ValueError("expected a picture, got none: upload one, or have one drawn")
        if not fields.model:
            raise ValueError("expected a model, got none")
        if not self.local and fields.model not in {*self.zoo, self.model}:
            raise ValueError(f"expected one of the listed models, got {fields.model!r}")
        checkpoint, trusted = self._weights(fields)
        request = Request(
            fields.picture.path, fields.model, checkpoint, trusted=trusted, detect=fields.detect, person=fields.person
        )
        seen = self.studio.look(request)
        random = checkpoint is None
        number = len(seen.poses)
        persons = "no person" if number == 0 else "1 person" if number == 1 else f"{number} persons"
        weights = fields.uploaded.name if fields.uploaded else checkpoint.name if checkpoint else "random weights"
        text = f"{Path(fields.model).stem}, {weights}: {persons} in {1000 * seen.seconds:.0f} ms."
        return Answer(
            "random" if random else "done",
            f"{text} {RANDOM}" if random else text,
            seen,
            self.draw(seen, fields.threshold, random=random),
            tuple((_enlarged(panel.picture), panel.title) for panel in seen.panels),
            _about(seen, fields.model),
            tuple(_rows(seen)),
            self._write(seen, fields, weights),
        )

    def _weights(self, fields: Fields) -> tuple[Path | None, bool]:
        """The checkpoint, and whether it is the user's own."""
        if fields.uploaded:
            return fields.uploaded.path, False
        if self.local and fields.typed.strip():
            return Path(fields.typed.strip()).expanduser().resolve(), True
        return (self.checkpoint, True) if fields.model == self.model else (None, False)

    def draw(self, seen: Seen, threshold: float, *, random: bool) -> np.ndarray:
        """The poses over the picture.

        Args:
            seen: What was found.
            threshold: Lowest score of a key point that is drawn.
            random: Whether the weights are random, which is then written into the picture.

        Returns:
            (H, W, 3), red, green, blue.
        """
        detected = len(seen.boxes) != 1 or tuple(seen.boxes[0, :4]) != (0, 0, *seen.frame.image.shape[1::-1])
        painted = Painter(seen.meta, threshold=threshold, boxes=detected)(seen.frame.image, seen.boxes, seen.poses)
        if random:
            _stamp(painted, "random weights")
        return np.ascontiguousarray(painted[..., ::-1])

    def example(self) -> Path:
        """Draw a picture of persons, another one each time.

        Returns:
            A JPEG file.
        """
        self._seed += 1
        image, _ = render_scene(np.random.default_rng(self._seed), 1)
        path = self._new_folder() / f"drawn-{self._seed}.jpg"
        cv2.imwrite(str(path), image)
        return path

    def _write(self, seen: Seen, fields: Fields, weights: str) -> Path:
        name = fields.picture.name if fields.picture else ""
        content = JsonWriter(seen.meta, info={"model": fields.model, "weights": weights})
        frame = replace(seen.frame, source=Source("image", Path(name), Path(name).stem))
        content.add(frame, seen.boxes, seen.poses)
        stem = re.sub(r"[^\w.-]+", "-", Path(name).stem) or "picture"
        path = self._new_folder() / f"{stem}.json"
        content.write(path)
        return path

    def _new_folder(self) -> Path:
        """A folder for one result; those of the oldest results are removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime)[: -KEPT + 1]:
            shutil.rmtree(old, ignore_errors=True)
        return Path(mkdtemp(dir=self.folder))


def explain(error: Exception, names: Mapping[str, str]) -> str:
    """One sentence on what is wrong.

    Args:
        error: What was raised.
        names: Path of an uploaded file -> what its owner calls it.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    for path, name in names.items():
        either = f"{re.escape(path)}|{re.escape(Path(path).name)}"
        text = re.sub(either, name.replace("\\", r"\\"), text)
    if not isinstance(error, ValueError | OSError):
        text = f"something unexpected happened ({type(error).__name__}: {text}); the terminal says more"
    text = text if len(text) <= 400 else f"{text[:400]}…"
    return text[:1].upper() + text[1:].removesuffix(".") + "."


def _about(seen: Seen, model: str) -> str:
    if seen.person == 0:
        return "There is no person to look at."
    whose = "" if len(seen.poses) == 1 else f" Person {seen.person} of {len(seen.poses)}, the largest being the first."
    if seen.own:
        return f"What {model} looks at in the crop of the person.{whose}"
    if seen.panels:
        return f"{model} has no picture of its own; its heatmaps tell where the key points come from.{whose}"
    return f"{model} has no picture of its own, and no heatmaps.{whose}"


def _rows(seen: Seen) -> list[tuple[int, str, float, float, float]]:
    names = seen.meta["keypoint_id2name"]
    return [
        (person, names[k], round(float(x), 1), round(float(y), 1), round(float(score), 3))
        for person, pose in enumerate(seen.poses, start=1)
        for k, ((x, y), score) in enumerate(zip(pose.keypoints, pose.scores, strict=True))
    ]


def _enlarged(picture: np.ndarray, *, height: int = 384) -> np.ndarray:
    """A crop at a size that can be looked at."""
    scale = height / picture.shape[0]
    if scale <= 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def _stamp(image: np.ndarray, text: str) -> None:
    """Write a line into the lower left corner of a picture."""
    scale = max(0.4, min(image.shape[:2]) / 600)
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    bottom = image.shape[0]
    cv2.rectangle(image, (0, bottom - height - 2 * base), (width + 2 * base, bottom), (32, 32, 32), cv2.FILLED)
    where = (base, bottom - base)
    cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, (80, 200, 255), 1, cv2.LINE_AA)
