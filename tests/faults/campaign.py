"""All attacks with files, as many as are wanted."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import torch
from mmengine.config import Config

from tests.faults import payloads
from tests.faults.broken_images import BrokenImage, images
from tests.faults.commands import READERS, Reader, Workshop, attack
from tests.faults.mutants import mutant
from tests.faults.outcome import Attempt

__all__ = ["image_attacks", "mutant_attacks", "payload_attacks"]

MUTANT_READERS = ("init-dataset", "infer", "visualize", "mim test")
IMAGE_READERS = ("infer", "init-dataset", "demo", "mim test", "reproduce")
PLANS = dict[str, Callable[[Path], Path]]


def _written(make: Callable[[Path], bytes], name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(make(folder / "executed"))
        return path

    return write


def _checkpoints(shop: Workshop) -> PLANS:
    plans: PLANS = {name: _written(make, "pickle.pth") for name, make in payloads.PICKLES.items()}
    plans |= {name: _written(make, "header.safetensors") for name, make in payloads.SAFETENSORS.items()}
    return plans


def _programs(shop: Workshop) -> Iterator[tuple[Reader, str, Callable[[Path], Path], bool]]:
    """Good weights whose config, or whose message hub, is an attack; a command that needs neither may use them."""
    config = Config.fromfile(shop.config).to_dict()
    weights = torch.load(shop.checkpoint, weights_only=True)["state_dict"]

    def with_config(line: str) -> Callable[[Path], Path]:
        def write(folder: Path) -> Path:
            text = payloads.program(config, line.replace("TARGET", str(folder / "executed")))
            attack_text = payloads.code(folder / "executed")
            path = folder / "program.pth"
            meta = {"cfg": text, "config": attack_text, "epoch": 1, "iter": 2}
            victim = folder / "victim.pth"  # a training that resumes removes what the file names as its best one
            victim.write_text("mine")
            info = {"cfg": attack_text, "best_ckpt": str(victim), "best_score": -1.0, "keep_ckpt_ids": []}
            hub = {"runtime_info": info, "log_scalars": {}, "resumed_keys": {}}
            torch.save({"state_dict": weights, "meta": meta, "message_hub": hub}, path)
            return path

        return write

    wanted = ("publish", "infer", "demo", "mim test", "mim train", "MMPoseInferencer")
    for name, line in payloads.PROGRAMS.items():
        for index, reader in enumerate(READERS):
            if reader.kind == "checkpoint" and reader.command in wanted:
                if name == next(iter(payloads.PROGRAMS)) or reader.command in ("publish", "MMPoseInferencer"):
                    yield reader, f"{name}, in the config of a checkpoint ({index})", with_config(line), True


def _descriptions(shop: Workshop) -> PLANS:
    import onnx

    from mmpose_ext.toolbox.inference.description import DESCRIPTION

    good = shop.onnx()

    def changed(part: Callable[[Path], dict]) -> Callable[[Path], Path]:
        def write(folder: Path) -> Path:
            model = onnx.load(str(good))
            (entry,) = [entry for entry in model.metadata_props if entry.key == DESCRIPTION]
            entry.value = json.dumps({**json.loads(entry.value), **part(folder / "executed")})
            onnx.save(model, str(folder / "description.onnx"))
            return folder / "description.onnx"

        return write

    def outside(folder: Path) -> Path:
        """Weights that lie in another file of the machine."""
        model = onnx.load(str(good))
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../../../../etc/passwd")
        path = folder / "outside.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    plans = {name: changed(part) for name, part in payloads.DESCRIPTIONS.items()}
    plans |= {name: _written(payloads.PICKLES[name], "pickle.onnx") for name in ("plain pickle", "in meta", "empty")}
    return {**plans, "weights in another file": outside}


def _openvino(shop: Workshop) -> PLANS:
    from mmpose_ext.toolbox.inference.description import DESCRIPTION

    good = shop.openvino()
    graph, weights = good.read_text(), good.with_suffix(".bin").read_bytes()

    def written(text: str | Callable[[Path], str], content: bytes | None = weights) -> Callable[[Path], Path]:
        def write(folder: Path) -> Path:
            path = folder / "graph.xml"
            path.write_text(text if isinstance(text, str) else text(folder / "executed"))
            if content is not None:
                path.with_suffix(".bin").write_bytes(content)
            return path

        return write

    def described(part: Callable[[Path], dict]) -> Callable[[Path], str]:
        def change(marker: Path) -> str:
            tree = ElementTree.fromstring(graph)
            (entry,) = tree.iter(DESCRIPTION)
            entry.set("value", json.dumps({**json.loads(entry.get("value", "")), **part(marker)}))
            return ElementTree.tostring(tree, "unicode")

        return change

    plans = {name: written(described(part)) for name, part in payloads.DESCRIPTIONS.items()}
    plans |= {name: written(text(graph)) for name, text in payloads.GRAPHS.items()}
    plans |= {f"weights: {name}": written(graph, content) for name, content in payloads.blobs(weights).items()}
    return {**plans, "a pickle": _written(payloads.PICKLES["plain pickle"], "graph.xml")}


def payload_attacks(shop: Workshop, *, share: float = 1, few: int = 0, seed: int = 0) -> Iterator[Attempt]:
    """Each payload through each command that reads such a file.

    Args:
        shop: The good files.
        share: Part of the attacks to make, drawn at random; each command stays.
        few: Draw so many of them, each through another command.
        seed: Of the choice.
    """
    todo: list[tuple[Reader, str, Callable[[Path], Path], bool]] = []
    plans: dict[str, PLANS] = {
        "checkpoint": _checkpoints(shop),
        "onnx": _descriptions(shop) if share == 1 else {},
        "openvino": _openvino(shop) if share == 1 and find_spec("openvino") else {},
        "json": {name: _written(make, "payload.json") for name, make in payloads.ANNOTATIONS.items()},
        "archive": {name: _written(make, "payload.zip") for name, make in payloads.ARCHIVES.items()},
    }
    for reader in READERS:
        counts = reader.command == "tools/train_zoo.py"  # persons, and looks at nothing else
        todo += [(reader, name, make, counts) for name, make in plans.get(reader.kind, {}).items()]
    todo += _programs(shop)
    drawn = _drawn(todo, share, seed)
    for reader, name, make, good in random.Random(seed).sample(drawn, few) if few else drawn:
        yield attack(shop, reader, name, make, good=good)


def _drawn(todo: list, share: float, seed: int) -> list:
    """A part of a list, with at least one of each reader."""
    if share >= 1:
        return todo
    rng = random.Random(seed)
    groups: dict[Reader, list] = {}
    for one in todo:
        groups.setdefault(one[0], []).append(one)
    return [one for group in groups.values() for one in rng.sample(group, max(1, round(share * len(group))))]


def mutant_attacks(shop: Workshop, *, number: int = 300, seed: int = 0) -> Iterator[Attempt]:
    """Mutants of a COCO file through the commands that read one.

    Args:
        shop: The good files.
        number: Mutants for each command.
        seed: Of the first one.
    """
    text = (shop.data / "people.json").read_text()
    readers = {reader.command: reader for reader in reversed(READERS) if reader.kind == "json"}
    for command in MUTANT_READERS:
        for one in range(seed, seed + number):
            make = _written(lambda marker, one=one: mutant(text, random.Random(one)).encode(), "mutant.json")
            yield attack(shop, readers[command], f"mutant {one}", make, good=True)


def image_attacks(shop: Workshop, *, number: int = 100, seed: int = 0) -> Iterator[Attempt]:
    """Broken and rare images through the commands that read one.

    Args:
        shop: The good files.
        number: Images for each command.
        seed: See :func:`.broken_images.images`.
    """
    readers = {reader.command: reader for reader in READERS if reader.kind == "image"}
    for image in images(seed=seed, number=number):
        for command in IMAGE_READERS:
            if image.content is None and command == "demo":
                continue  # a browser uploads contents
            yield attack(shop, readers[command], image.name, _image(image), good=image.good)


def _image(image: BrokenImage) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "images").mkdir()
        return image.write(folder / "images")

    return write
