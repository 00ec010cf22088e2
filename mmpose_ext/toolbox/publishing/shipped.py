"""Weights that the package ships: made from a training checkpoint in half precision, with a model card.

Matrices and kernels are rounded to half precision; what has one axis (biases, norms and their statistics) stays as it
is, as it weighs nothing and small variances would be lost. The card's figures stand in the metafile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmpose_ext import weights
from mmpose_ext.atomic import atomic_write
from mmpose_ext.compat.safetensors_files import read, serialize
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import NOT_MEASURED, Entry, alias_of, entries, find_entry, measured_on
from mmpose_ext.toolbox.inference.weights import sha256
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.publishing.card import INTENDED_USE, LIMITS
from mmpose_ext.toolbox.publishing.publication import require_fit
from mmpose_ext.toolbox.publishing.weights import Source
from mmpose_ext.version import __version__

__all__ = ["half_precision", "ship", "shipped_card", "shipped_cards"]

TERMS = (
    "For research only. The photographs of LSPET and LSP come from Flickr and belong to their owners; neither archive "
    "names a license, and both ask for research use and for the citation of their papers (Johnson and Everingham, BMVC "
    "2010 and CVPR 2011). The weights are given under the same terms. Code of mmpose-ext: Apache-2.0."
)


def half_precision(state_dict: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
    """The same weights with all of two axes and more in half precision.

    Args:
        state_dict: Weights of a network.

    Raises:
        ValueError: If a number is too large for half precision.
    """
    rounded = OrderedDict(
        (name, value.half() if value.is_floating_point() and value.ndim > 1 else value)
        for name, value in state_dict.items()
    )
    if broken := [name for name, value in rounded.items() if not torch.isfinite(value).all()]:
        raise ValueError(f"expected numbers that half precision can hold, got larger ones in {', '.join(broken[:3])}")
    vars(rounded)["_metadata"] = getattr(state_dict, "_metadata", OrderedDict())
    return rounded


def ship(source: Source, alias: str, *, folder: Path | None = None, today: date | None = None) -> Path:
    """Write a checkpoint as the weights that the package ships under a name.

    Args:
        source: The training checkpoint.
        alias: Alias of its config, and name of the weights.
        folder: Where to write; None for that of the package.
        today: The date in the file; None for today.

    Returns:
        The file, which replaces one that was there.

    Raises:
        ValueError: If there is no such config, or the weights are not those of it.
    """
    entry = find_entry(alias)
    if entry is None or alias != alias_of(entry.model):
        raise ValueError(f"expected the alias of a config of this package, got {alias!r}")
    network = load_candidate(alias).build()
    require_fit(network, source, entry.name)
    state_dict = half_precision(source.state_dict)
    meta = {
        "config": entry.name,
        "alias": alias,
        "date": (today or date.today()).isoformat(),
        "package_version": f"{__version__}",
        "epoch": source.meta.get("epoch"),
        "iter": source.meta.get("iter"),
        "source_sha256": source.sha256,
        "terms": TERMS,
        "dataset_meta": source.meta.get("dataset_meta"),
    }
    path = (folder or Path(weights.__file__).parent) / f"{alias}{weights.SUFFIX}"
    with atomic_write(path) as partial:
        partial.write_bytes(serialize(state_dict, meta))
    _verify(path, state_dict)
    return path


def _verify(path: Path, expected: Mapping[str, Tensor]) -> None:
    got = CheckpointLoader.load_checkpoint(str(path), "cpu", logger="silent")["state_dict"]
    if got.keys() != expected.keys() or not all(torch.equal(got[name], expected[name]) for name in expected):
        raise ValueError(f"expected the weights back from {path}, got others")


def shipped_card(entry: Entry, path: Path) -> str:
    """The model card of weights that the package ships.

    Args:
        entry: Their config.
        path: Their file.
    """
    meta = read(path)["meta"]
    sections = {
        f"# {alias_of(entry.model)}": _what(entry, meta),
        "## How to use it": _how(alias_of(entry.model)),
        "## Training data": (
            "LSPET's train split (8000 persons) less one image that LSP test shows too, and LSP's train images 1 to "
            "1000: 8999 photographs of sports with 14 keypoints. Flips, half bodies, rotations up to 60 degrees and "
            "scales from 0.75 to 1.25. Chosen on LSPET val; LSP test (images 1001 to 2000) is for the report only. "
            "docs/data.md names the photographs that stand in two sets."
        ),
        "## Measured": _measured(entry),
        "## Intended use": INTENDED_USE,
        "## Limits": LIMITS,
        "## Terms": str(meta["terms"]),
        "## File": (
            f"`{path.name}`, {path.stat().st_size / 1e6:.1f} MB, sha256 `{sha256(path)}`. Kernels in half precision, "
            f"biases and norms in single. Made by `tools/ship_weights.py` from a checkpoint with sha256 "
            f"`{meta['source_sha256']}`."
        ),
    }
    head = "<!-- Generated by tools/generate_tables.py from metafile.yml and the weights; do not edit. -->"
    return "\n\n".join([head, *(f"{title}\n\n{text}" for title, text in sections.items())]) + "\n"


def _what(entry: Entry, meta: Mapping[str, Any]) -> str:
    parameters = entry.model["Metadata"]["Parameters"] / 1e6
    length = next((result["Length"] for result in _results(entry) if "Length" in result), f"epoch {meta['epoch']}")
    return (
        f"{entry.paper} for one person in a box of {entry.input} (height x width), {parameters:.2f}M parameters, "
        f"trained from scratch on {entry.training_data} by `{entry.config}`: {length}, {meta['date']}, "
        f"mmpose-ext {meta['package_version']}."
    )


def _how(alias: str) -> str:
    return "\n".join(
        [
            "```bash",
            "mmpose-ext infer photo.jpg",
            f"mim test mmpose_ext CONFIG --checkpoint {alias}",
            f"mmpose-ext export {alias} out.onnx",
            "```",
            "",
            "```python",
            "import mmpose_ext",
            "from mmpose.apis import MMPoseInferencer",
            "",
            f'inferencer = MMPoseInferencer(pose2d="{alias}", scope="mmpose_ext", det_model="whole_image")',
            "```",
            "",
            f"`load_from` and `init_cfg` of type `Pretrained` take `{weights.SCHEME}{alias}`.",
        ]
    )


def _results(entry: Entry) -> list[Mapping[str, Any]]:
    """What the newest training of the config gave, which is the one that the package ships."""
    results: list[Mapping[str, Any]] = entry.model.get("Results", [])
    return [result for result in results if result.get("Length") == results[-1].get("Length")]


def _measured(entry: Entry) -> str:
    parts = []
    for result in _results(entry):
        rows = [[name, str(value)] for name, value in result["Metrics"].items()]
        about = [
            f"{key.lower()}: {result[key]}" for key in ("Hardware", "Time", "Seed", "Date", "Note") if key in result
        ]
        table = markdown_table(["metric", measured_on(result)], rows)
        parts.append(f"{table}\n\n{'; '.join(about)}\n\n    {result['Command']}")
    return "\n\n".join(parts) or f"{NOT_MEASURED.capitalize()}."


def shipped_cards(root: Path) -> dict[Path, str]:
    """File of the card -> its text, for all weights that the package ships.

    Args:
        root: The checkout.
    """
    cards = {}
    for entry in entries(root / "configs"):
        path = root / "mmpose_ext" / "weights" / f"{alias_of(entry.model)}{weights.SUFFIX}"
        if path.is_file():
            cards[path.with_suffix(".md")] = shipped_card(entry, path)
    return cards
