"""Every command that reads a file, and how to hand one to it."""

from __future__ import annotations

import importlib
import json
import pickle
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.commands.mmpose_tools import find_mmpose_tool
from tests.faults.outcome import Attempt, Outcome, classify, run_child
from tests.tiny import SHARPOSE, SSN, TOP_DOWN, write_checkpoint, write_config

__all__ = ["READERS", "Reader", "Workshop", "attack", "failures", "run_tool"]


class Workshop:
    """Good files of all kinds, made once.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = 0
        for name, model in (("tiny", ""), ("sharpose", SHARPOSE), ("ssn", SSN)):
            (folder / name).mkdir()
            write_checkpoint(write_config(folder / name, model + TOP_DOWN))
        self.data = folder / "tiny"
        """Images and ``people.json``."""
        self.config, self.sharpose, self.ssn = (folder / name / "tiny.py" for name in ("tiny", "sharpose", "ssn"))
        self.checkpoint = self.config.with_suffix(".pth")
        self.image = self.data / "001.jpg"
        self.coco = folder / "coco"
        (self.coco / "coco" / "val2017").mkdir(parents=True)
        for part in ("annotations", "person_detection_results"):
            (self.coco / "coco" / part).mkdir()
        (self.coco / "coco/person_detection_results/COCO_val2017_detections_AP_H_56_person.json").write_text("[]")
        self.before = self._state()
        self._import_all()

    def _import_all(self) -> None:
        """Import what two commands import, so that no child has to."""
        names = self.folder / "modules"
        known = set(sys.modules)
        out = self.new_folder()
        for reader in READERS:
            if (reader.command, reader.kind) in (
                ("mim test", "image"),
                ("visualize", "image"),
                ("init-dataset", "image"),
            ):
                run_child(
                    lambda reader=reader: reader.action(self, self.image, out),
                    folder=out,
                    finish=lambda: names.write_text("\n".join(set(sys.modules) - known)),
                )
                for name in names.read_text().split():
                    try:
                        importlib.import_module(name)
                    except Exception:  # what is no module of its own
                        continue

    def _state(self) -> dict[str, tuple[int, int]]:
        files = [path for name in ("tiny", "sharpose", "ssn") for path in (self.folder / name).iterdir()]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()}

    def lost(self) -> list[str]:
        """Good files that are gone or changed."""
        now = self._state()
        return [f"{path} is gone or changed" for path, about in self.before.items() if now.get(path) != about]

    def new_folder(self) -> Path:
        """A folder for one attack."""
        self._number += 1
        path = self.folder / "attacks" / f"{self._number:05d}"
        path.mkdir(parents=True)
        return path

    def onnx(self) -> Path:
        """An exported network; made in a process of its own, so that this one starts no threads."""
        return self._exported(".onnx")

    def openvino(self) -> Path:
        """The same in OpenVINO's format."""
        return self._exported(".xml")

    def _exported(self, suffix: str) -> Path:
        path = (self.folder / "tiny").with_suffix(suffix)
        if not path.exists():
            words = ["export", str(self.config), str(self.checkpoint), str(path), "--exporter", "torchscript"]
            ending = run_child(lambda: main(words), folder=self.folder)
            assert ending.status == 0, ending.err
        return path


Action = Callable[[Workshop, Path, Path], object]
"""Runs a command on a file; the last argument is a folder to write to."""


class Reader(NamedTuple):
    """A command and what it is handed."""

    command: str
    kind: str
    """``checkpoint``, ``onnx``, ``openvino``, ``json``, ``archive``, ``image`` or ``video``."""
    action: Action


def run_tool(name: str, *words: object) -> int:
    """Run MMPose's ``tools/<name>.py`` as ``mim`` does, but in this process."""
    vars(importlib.import_module("mmengine.config.config"))["FormatCode"] = lambda text, **_: (text, True)  # slow
    return _run(find_mmpose_tool(name), *words)


def _tool(name: str, *words: object) -> int:
    """Run ``tools/<name>`` of this project in this process."""
    return _run(Path(__file__).resolve().parents[2] / "tools" / name, *words)


def _run(path: Path, *words: object) -> int:
    sys.argv = [str(path), *map(str, words)]
    runpy.run_path(str(path), run_name="__main__")
    return 0


def _verb(*words: object) -> int:
    return main([str(word) for word in words])


def _demo(shop: Workshop, out: Path, *, image: Path | None = None, checkpoint: Path | None = None) -> int:
    """What a visitor's upload ends in; a sentence on the page is an error message like a line on stderr."""
    from mmpose_ext.toolbox.demo import DemoSession, PosePredictor
    from mmpose_ext.toolbox.demo.session import FormValues, Upload

    session = DemoSession(PosePredictor(), folder=out, model=str(shop.config), checkpoint=shop.checkpoint)

    def upload(path: Path | None) -> Upload | None:
        if path is None:
            return None
        target = session.uploads / path.name
        if path.exists() and path.is_file():
            shutil.copy2(path, target)
        return Upload(target, path.name)

    result = session.run(FormValues(upload(image or shop.image), str(shop.config), upload(checkpoint)))
    if result.status == "error":
        sys.stderr.write(f"{result.text}\n")
        if "unexpected error" in result.text:
            sys.stderr.write("Traceback (most recent call last), in the demo's words\n")
    return 2 * (result.status == "error")


def _inferencer(model: Path | None, weights: Path) -> int:
    """A function for Python: an error that names the file is what a line on stderr is for a command."""
    from mmpose.apis.inferencers import Pose2DInferencer

    try:
        Pose2DInferencer(model and str(model), str(weights), device="cpu", det_model="whole_image")
    except (ValueError, pickle.UnpicklingError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _calibration(shop: Workshop, file: Path, out: Path) -> int:
    return _tool("plot_calibration.py", shop.config, out / "a.png", "--checkpoint", file)


def _train(shop: Workshop, out: Path, *words: object) -> int:
    return run_tool("train", shop.config, "--work-dir", out / "work", *words)


def _test(shop: Workshop, out: Path, *words: object, checkpoint: Path | None = None) -> int:
    return run_tool("test", shop.config, checkpoint or shop.checkpoint, "--work-dir", out / "work", *words)


def _data_options(folder: Path, file: Path) -> list[str]:
    """Options of a config that move its test data."""
    return [
        *("--cfg-options", f"test_dataloader.dataset.data_root={folder}"),
        *(f"test_dataloader.dataset.ann_file={file}", f"test_evaluator.ann_file={file}"),
    ]


def _coco_of(image: Path, folder: Path) -> Path:
    """Annotations of one person in an image, with the size that it has, or some size."""
    from mmpose_ext.image_file import UnreadableImage, image_size

    try:
        width, height = image_size(image)
    except UnreadableImage:
        width, height = 64, 48
    points = [value for _ in range(17) for value in (width / 2, height / 2, 2)]
    person = dict(id=1, image_id=1, category_id=1, bbox=[0, 0, width, height], area=width * height, iscrowd=0)
    person |= dict(keypoints=points, num_keypoints=17)
    people = [person, {**person, "id": 2, "image_id": 2}]
    shutil.copy(image, folder / "second.jpg") if image.is_file() else None
    pictures = [dict(id=i, file_name=image.name, width=width, height=height) for i in (1, 2)]
    names = [str(number) for number in range(17)]
    content = dict(images=pictures, annotations=people, categories=[dict(id=1, name="person", keypoints=names)])
    path = folder / "one-person.json"  # `--cfg-options` takes no blanks
    path.write_text(json.dumps(content))
    return path


def _init_image(shop: Workshop, file: Path, out: Path) -> int:
    words = ["--images", file.parent, "--out", out / "mine", "--val-share", 0.5]
    return _verb("init-dataset", _coco_of(file, out), *words)


def _reproduce_data(shop: Workshop, file: Path, out: Path) -> int:
    data = out / "data"
    shutil.copytree(shop.coco, data)
    shutil.copy(file, data / "coco/annotations/person_keypoints_val2017.json")
    words = ["--checkpoint", f"xhrnet-18={shop.checkpoint}", "--data", data, "--out", out / "out"]
    return _verb("reproduce", "xhrnet:6", *words)


def _reproduce_checkpoint(shop: Workshop, file: Path, out: Path) -> int:
    annotations = shop.coco / "coco/annotations/person_keypoints_val2017.json"
    annotations.write_text('{"images": [], "annotations": []}')
    words = ["--checkpoint", f"xhrnet-18={file}", "--data", shop.coco, "--out", out / "out"]
    return _verb("reproduce", "xhrnet:6", *words)


def _synthetic(shop: Workshop, file: Path, out: Path) -> int:
    (out / "set").mkdir()
    shutil.copy(file, out / "set" / "generator.json")
    return _verb("synthetic", out / "set", "--persons", 1)


def _reproduce_figure(image: Path, out: Path, *words: object) -> int:
    return _verb("reproduce", "xhrnet:fig1", "--checkpoint", "xhrnet-18=none", "--image", image, "--out", out, *words)


def _train_zoo(file: Path, out: Path) -> int:
    annotations = out / "data/lspet/annotations"
    annotations.mkdir(parents=True)
    for split in ("train", "val"):
        shutil.copy(file, annotations / f"lspet_{split}.json")
    return _tool("train_zoo.py", "--data", out / "data", "--out", out / "zoo", "--only", "xhrnet", "--dry-run")


def _quantize(shop: Workshop, file: Path, out: Path) -> int:
    words = ["--exporter", "torchscript", "--int8", "--images", shop.data, "--calibration", file]
    return _verb("export", shop.config, shop.checkpoint, out / "a.onnx", *words)


def _readers() -> Iterator[Reader]:
    for kind, words in {
        "offsets": [],
        "scores": ["--samples", 1],
        "channels": ["--samples", 1],
        "receptive-field": ["IMAGE"],
    }.items():
        yield Reader(
            "analyze-ssn",
            "checkpoint",
            lambda shop, file, out, kind=kind, words=words: _verb(
                "analyze-ssn", kind, shop.ssn, file, *[shop.image if w == "IMAGE" else w for w in words], "--out", out
            ),
        )
    for paper in ("sharpose", "ssn", "vit", "xhrnet"):
        yield Reader(
            "convert", "checkpoint", lambda shop, file, out, paper=paper: _verb("convert", paper, file, out / "a.pth")
        )


READERS: tuple[Reader, ...] = (
    Reader(
        "infer",
        "checkpoint",
        lambda shop, file, out: _verb(
            "infer", shop.image, "--model", shop.config, "--checkpoint", file, "--out", out / "out"
        ),
    ),
    Reader(
        "export",
        "checkpoint",
        lambda shop, file, out: _verb("export", shop.config, file, out / "a.onnx", "--exporter", "torchscript"),
    ),
    Reader("publish", "checkpoint", lambda shop, file, out: _verb("publish", shop.config, file, "--out", out / "out")),
    Reader("publish", "checkpoint", lambda shop, file, out: _verb("publish", file, "--out", out / "out")),
    Reader(
        "visualize",
        "checkpoint",
        lambda shop, file, out: _verb("visualize", shop.sharpose, file, shop.image, "--out", out / "out"),
    ),
    Reader(
        "sweep-threshold",
        "checkpoint",
        lambda shop, file, out: _verb(
            *("sweep-threshold", shop.sharpose, file, "--number", 2, "--rounds", 0, "--limit", 1, "--out", out / "out")
        ),
    ),
    *_readers(),
    Reader(
        "bench",
        "checkpoint",
        lambda shop, file, out: _verb(
            *("bench", shop.config, "--checkpoint", file, "--rounds", 1, "--warmup", 0, "--batch", 1, "--out", out)
        ),
    ),
    Reader("demo", "checkpoint", lambda shop, file, out: _demo(shop, out, checkpoint=file)),
    Reader("reproduce", "checkpoint", _reproduce_checkpoint),
    Reader("tools/plot_calibration.py", "checkpoint", _calibration),
    Reader("mim test", "checkpoint", lambda shop, file, out: _test(shop, out, checkpoint=file)),
    Reader("mim train", "checkpoint", lambda shop, file, out: _train(shop, out, "--cfg-options", f"load_from={file}")),
    Reader("mim train", "checkpoint", lambda shop, file, out: _train(shop, out, "--resume", file)),
    Reader(
        "MMPoseInferencer",
        "checkpoint",
        lambda shop, file, out: _inferencer(shop.config, file),
    ),
    Reader("MMPoseInferencer", "checkpoint", lambda shop, file, out: _inferencer(None, file)),
    *(
        Reader("infer", kind, lambda shop, file, out: _verb("infer", shop.image, "--model", file, "--out", out / "out"))
        for kind in ("onnx", "openvino")
    ),
    Reader(
        "infer",
        "json",
        lambda shop, file, out: _verb(
            *("infer", shop.image, "--model", shop.config, "--checkpoint", shop.checkpoint, "--boxes", file),
            *("--no-images", "--out", out / "out"),
        ),
    ),
    Reader(
        "visualize",
        "json",
        lambda shop, file, out: _verb(
            *("visualize", shop.sharpose, "none", shop.image, "--annotations", file, "--out", out / "out")
        ),
    ),
    Reader(
        "init-dataset",
        "json",
        lambda shop, file, out: _verb("init-dataset", file, "--images", shop.data, "--out", out / "mine"),
    ),
    Reader(
        "init-dataset",
        "json",
        lambda shop, file, out: _verb(
            "init-dataset", shop.data / "people.json", "--val", file, "--images", shop.data, "--out", out / "mine"
        ),
    ),
    Reader(
        "export",
        "json",
        lambda shop, file, out: _verb(
            *("export", shop.config, shop.checkpoint, out / "a.onnx", "--exporter", "torchscript"),
            *("--images", shop.data, "--annotations", file),
        ),
    ),
    Reader("export --int8", "json", _quantize),
    Reader(
        "publish",
        "json",
        lambda shop, file, out: _verb("publish", shop.config, shop.checkpoint, "--results", file, "--out", out / "out"),
    ),
    Reader("reproduce", "json", _reproduce_data),
    Reader("reproduce", "json", lambda shop, file, out: _reproduce_figure(shop.image, out, "--annotations", file)),
    Reader(
        "reproduce",
        "json",
        lambda shop, file, out: _verb("reproduce", "scanet:fig4", "--log", f"scanet-2s={file}", "--out", out),
    ),
    Reader("tools/plot_pck.py", "json", lambda shop, file, out: _tool("plot_pck.py", out / "a.png", file)),
    Reader("tools/train_zoo.py", "json", lambda shop, file, out: _train_zoo(file, out)),
    Reader("synthetic", "json", _synthetic),
    Reader("mim test", "json", lambda shop, file, out: _test(shop, out, *_data_options(shop.data, file))),
    Reader("convert-lsp", "archive", lambda shop, file, out: _verb("convert-lsp", file, out / "lsp")),
    Reader("convert-lspet", "archive", lambda shop, file, out: _verb("convert-lspet", file, out / "lspet")),
    Reader(
        "infer",
        "image",
        lambda shop, file, out: _verb(
            *("infer", file, "--model", shop.config, "--checkpoint", shop.checkpoint, "--out", out / "out")
        ),
    ),
    Reader("init-dataset", "image", _init_image),
    Reader("reproduce", "image", lambda shop, file, out: _reproduce_figure(file, out)),
    Reader("demo", "image", lambda shop, file, out: _demo(shop, out, image=file)),
    Reader(
        "mim test", "image", lambda shop, file, out: _test(shop, out, *_data_options(file.parent, _coco_of(file, out)))
    ),
    Reader(
        "visualize",
        "image",
        lambda shop, file, out: _verb("visualize", shop.sharpose, "none", file, "--out", out / "out"),
    ),
    Reader(
        "analyze-ssn",
        "image",
        lambda shop, file, out: _verb("analyze-ssn", "receptive-field", shop.ssn, "none", file, "--out", out / "out"),
    ),
)
"""Each with a file of its kind."""


def attack(shop: Workshop, reader: Reader, name: str, make: Callable[[Path], Path], *, good: bool = False) -> Attempt:
    """Hand one file to one command.

    Args:
        shop: The good files.
        reader: The command.
        name: What the file is, in words.
        make: Makes it in a folder; its marker is the file ``executed`` there.
        good: Whether the command may do its work.
    """
    folder = shop.new_folder()
    out, marker, path = folder / "out", folder / "executed", make(folder)
    victims = list(folder.glob("victim*"))
    out.mkdir()
    ending = run_child(lambda: reader.action(shop, path, out), folder=folder)
    lost = [*shop.lost(), *(f"{victim.name} was removed" for victim in victims if not victim.exists())]
    if ending.status != 0:
        kept = [file for file in out.rglob("*") if file.suffix in (".onnx", ".pth", ".safetensors")]
        kept = [file for file in kept if "uploads" not in file.parts]
        lost += [f"half-written: {file.relative_to(out)}" for file in [*kept, *out.rglob("*.partial*")]]
    names = [path.name]
    if reader.kind == "image":
        names.append("one-person.json")  # its annotations
    if reader.kind == "json":
        names.append(str(shop.data))  # an image that the annotations name
    if reader.kind == "json" and reader.command in ("reproduce", "synthetic"):  # under the name that they look for
        names += ["person_keypoints_val2017.json", shop.checkpoint.name, "generator.json"]
    if reader.command == "tools/train_zoo.py":
        names.append("lspet_train.json")
    outcome, said = classify(ending, names=names, marker=marker, lost=lost, may_be_used=good)
    shutil.rmtree(folder, ignore_errors=True)
    return Attempt(reader.command, name, outcome, said)


def failures(attempts: list[Attempt]) -> list[Attempt]:
    """Those that must not be."""
    return [one for one in attempts if one.outcome not in (Outcome.USED, Outcome.CLEAR_ERROR)]
