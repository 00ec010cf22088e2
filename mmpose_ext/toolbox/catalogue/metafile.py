"""The reader of the metafiles: which configs there are, their aliases, their published and measured numbers.

Numbers stand in ``configs/body_2d_keypoint/<paper>/metafile.yml`` and nowhere else. The file is OpenMMLab's (OpenMIM
and MMEngine read it), and has these keys; those marked * are ours::

    Collections:
      - Name: XHRNet                                    # what `mim search mmpose_ext --model` takes, in any case
        Called: X-HRNet                                 # * by its paper; absent if it is the same
        Paper: {Title: ..., URL: ...}
    Models:
      - Name: td-hm_xhrnet-18_8xb64-210e_coco-256x192   # lower case, the base name of the config
        Alias: xhrnet-18                                # one or a list, for MMPoseInferencer and this command line
        In Collection: XHRNet
        Config: configs/body_2d_keypoint/xhrnet/td-hm_xhrnet-18_8xb64-210e_coco-256x192.py
        Metadata:                                       # what we counted; a test counts again
          Training Data: COCO
          Parameters: 1337065
          FLOPs: 203887232                              # of one image, by the rule of the paper
          FLOPs Rule: leaf-modules                      # * a name in mmpose_ext.toolbox.counting.rules.RULES
          MACs: 193587968                               # * by the rule `macs`
        Published:                                      # * what the paper prints, as it prints it; absent if nothing
          Source: Table 2
          Parameters: 1.3M
          FLOPs: 194.4M
          Counts Differ: It leaves out the tokens.      # why one of the two is not ours; only where it is not
          Dataset: COCO val2017
          Metrics: {AP: 65.1, AP50: 86.7}
        Results:                                        # what was measured with this code; absent if nothing
          - Task: Body 2D Keypoint
            Dataset: LSPET val
            Metrics: {PCK@0.2: 81.2}
            Hardware: 2 cores of a Xeon                 # *
            Time: 41 min                                # * as Seed, Date and Note not required
            Command: mim train mmpose configs/...       # *
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

__all__ = [
    "NOT_MEASURED",
    "Entry",
    "alias_of",
    "aliases_of",
    "config_folder",
    "entries",
    "entries_of",
    "find_entry",
    "find_models",
    "first_metric",
    "load_metafile",
    "metafiles",
    "paper_name",
]

NOT_MEASURED = "not measured"
_KEYS = {
    "model": ({"Name", "In Collection", "Config", "Metadata"}, {"Alias", "Published", "Results", "Weights"}),
    "Metadata": ({"Training Data", "Parameters", "FLOPs", "FLOPs Rule", "MACs"}, {"Architecture"}),
    "Published": ({"Source"}, {"Parameters", "FLOPs", "Counts Differ", "Dataset", "Metrics"}),
    "Results": ({"Task", "Dataset", "Metrics", "Hardware", "Command"}, {"Time", "Date", "Seed", "Note"}),
}
"""Part of a metafile -> keys that it must have and keys that it may have."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where libyaml is there


class Entry(NamedTuple):
    """A config."""

    model: Mapping[str, Any]
    """Its entry under `Models`."""
    collection: Mapping[str, Any]
    """The paper's entry under `Collections`."""

    @property
    def name(self) -> str:
        """Base name of the config file."""
        return str(self.model["Name"])

    @property
    def aliases(self) -> list[str]:
        """Short names, the one for tables first."""
        return aliases_of(self.model)

    @property
    def config(self) -> str:
        """Path of the config, from the folder that holds ``configs``."""
        return str(self.model["Config"])

    @property
    def paper(self) -> str:
        """What the paper calls its network."""
        return paper_name(self.collection)

    @property
    def training_data(self) -> str:
        """Name of the data that the config trains on."""
        return str(self.model["Metadata"]["Training Data"])

    @property
    def input(self) -> str:
        """Height and width, as in the name of the config."""
        return self.name.rpartition("-")[2]


def config_folder(package: str = "mmpose_ext") -> Path:
    """The folder ``configs`` of an installed package, or of the checkout that it is imported from.

    The package is not imported.

    Args:
        package: Name of a package with configs, i.e. ``mmpose`` or ``mmpose_ext``.

    Raises:
        ValueError: If the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"expected the package {package}, which is not installed")
    root = Path(spec.origin).resolve().parent
    if (root.parent / "pyproject.toml").is_file() and (root.parent / "configs").is_dir():
        return root.parent / "configs"
    return root / ".mim" / "configs"


def metafiles(configs: Path | None = None) -> dict[str, Path]:
    """Name of each paper's folder -> its metafile.

    Args:
        configs: The folder ``configs``; None for that of this package.
    """
    found = (configs or config_folder()).glob("body_2d_keypoint/*/metafile.yml")
    return {path.parent.name: path for path in sorted(found)}


def load_metafile(path: Path) -> dict[str, Any]:
    """Read a metafile and check its keys.

    Args:
        path: ``metafile.yml`` of a paper.

    Raises:
        ValueError: If a key is missing or unknown, a name is not lower case, or a collection is not defined.
    """
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    collections = {collection["Name"] for collection in content["Collections"]}
    for model in content["Models"]:
        name = model.get("Name", "a model without a name")
        _check_keys(path, name, "model", model)
        _check_keys(path, name, "Metadata", model["Metadata"])
        for part in ("Published", "Results"):
            entries = model.get(part, [])
            for entry in [entries] if isinstance(entries, dict) else entries:
                _check_keys(path, name, part, entry)
        if name != name.lower() or name != Path(model["Config"]).stem:
            raise ValueError(f"{path}: expected the base name of {model['Config']} in lower case, got {name}")
        if model["In Collection"] not in collections:
            raise ValueError(f"{path}: {name}: expected a collection among {collections}, got {model['In Collection']}")
    return content


def _check_keys(path: Path, name: str, part: str, entry: Mapping[str, Any]) -> None:
    required, allowed = _KEYS[part]
    if required - entry.keys():
        raise ValueError(f"{path}: {name}: expected {sorted(required)} in {part}, got {sorted(entry)}")
    if entry.keys() - required - allowed:
        raise ValueError(f"{path}: {name}: expected only {sorted(required | allowed)} in {part}, got {sorted(entry)}")


def aliases_of(model: Mapping[str, Any]) -> list[str]:
    """Short names of a config, the one for tables first.

    Args:
        model: An entry under ``Models``, whose ``Alias`` is one name, a list or absent.
    """
    aliases = model.get("Alias") or []
    return [aliases] if isinstance(aliases, str) else list(aliases)


def alias_of(model: Mapping[str, Any]) -> str:
    """The name of a config in tables: its first alias, or its base name.

    Args:
        model: An entry under ``Models``.
    """
    return next(iter(aliases_of(model)), str(model["Name"]))


def paper_name(collection: Mapping[str, Any]) -> str:
    """What a paper calls its network.

    Args:
        collection: An entry under ``Collections``.
    """
    return str(collection.get("Called", collection["Name"]))


def first_metric(result: Mapping[str, Any]) -> str:
    """Name and value of the main metric, e.g. ``AP 65.1``.

    Args:
        result: An entry with ``Metrics``, under ``Results`` or ``Published``.
    """
    name, value = next(iter(result["Metrics"].items()))
    return f"{name} {value}"


def entries_of(content: Mapping[str, Any]) -> list[Entry]:
    """The configs of one metafile.

    Args:
        content: What :func:`load_metafile` returned.
    """
    collections = {collection["Name"]: collection for collection in content["Collections"]}
    return [Entry(model, collections[model["In Collection"]]) for model in content["Models"]]


def entries(configs: Path | None = None) -> list[Entry]:
    """All configs, paper by paper.

    Args:
        configs: The folder ``configs``; None for that of this package.
    """
    return [entry for path in metafiles(configs).values() for entry in entries_of(load_metafile(path))]


def find_entry(name: str) -> Entry | None:
    """The config with a base name or alias; None if it is none of ours.

    Args:
        name: Base name or alias.
    """
    return next((entry for entry in entries() if name == entry.name or name in entry.aliases), None)


def find_models(words: Sequence[str] = ()) -> list[Entry]:
    """Configs that have each word in their name, an alias, their paper's name or the data they are trained on.

    Args:
        words: Parts of names, upper or lower case; none for all configs.
    """

    def text(entry: Entry) -> str:
        names = [entry.name, *entry.aliases, entry.model["In Collection"], entry.paper, entry.training_data]
        return " ".join(names).lower()

    return [entry for entry in entries() if all(word.lower() in text(entry) for word in words)]
