"""What the zoo trains, in order of value: networks for use, the papers' claims beside stock baselines, recipes.

A claim compares networks that have one recipe: data, codec, augmentation, batch size, epochs, optimizer. Learning rates
are the configs'; what only one network has (offsets, quality predictor) keeps its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["CLAIMS", "TRAININGS", "Claim", "Network", "Training", "find_studies"]


class Network(NamedTuple):
    """One side of a comparison."""

    label: str
    """In tables."""
    config: str
    """Alias of its config."""
    seconds: float
    """Of one CPU core to train on one person, a first estimate."""
    test: str = ""
    """Name of the test of its weights; networks with one config and other tests share a training."""
    test_options: Mapping[str, Any] = {}
    """What the test changes in the config."""
    start: str = ""
    """Alias of the config that is trained first, with half of the epochs, rounded down; no start by default."""
    requires: str = ""
    """Python package that it needs besides."""


class Claim(NamedTuple):
    """What a paper says, in miniature."""

    key: str
    text: str
    networks: tuple[Network, ...]
    """The one that is said to be better first; it is compared with each of the others."""
    metric: str
    """Which score decides, as the metafiles name it."""


class Training(NamedTuple):
    """A network for use, trained once and tested at its end."""

    key: str
    config: str
    seconds: float
    """As of a :class:`Network`."""
    gpu: bool = False
    """Whether it is left out without a GPU."""


_TORSO = "torso PCK@0.2"
_HEAD = "PCKh@0.5"
_XHRNET = Network("X-HRNet-18", "xhrnet-18-lspet-128x96", 0.032)
_SHARPOSE = "sharpose-small-lspet-128x96"

TRAININGS = (
    Training("lsp", "xhrnet-18-lsp-60e", 0.032),
    Training("lsp-256x192", "xhrnet-18-lsp-256x192", 0.11, gpu=True),
)

CLAIMS = (
    Claim(
        "xhrnet",
        "X-HRNet-18 is more accurate than Lite-HRNet-18",
        (_XHRNET, Network("Lite-HRNet-18", "litehrnet-18-lspet-128x96", 0.047)),
        _TORSO,
    ),
    Claim(
        "sharpose",
        "SHaRPose-Small's fine stage is more accurate than its coarse stage, and than ViTPose-Small",
        (
            Network("SHaRPose-Small, fine", _SHARPOSE, 0.1, "fine", {"model.backbone.quality_threshold": None}),
            Network("SHaRPose-Small, coarse", _SHARPOSE, 0.1, "coarse", {"model.backbone.quality_threshold": -1000.0}),
            Network("ViTPose-Small", "vitpose-small-lspet-128x96", 0.09, requires="mmpretrain"),
        ),
        _TORSO,
    ),
    Claim(
        "ssn",
        "SSN's 3Block with FSMs is more accurate than without shifting, than with the identity, and than ResNet-50",
        (
            Network("3Block, FSMs", "ssn-3block-k256-lspet-128x96", 0.066),
            Network("3Block, FSMs without shifting", "ssn-3block-k256-without-shifting-lspet-128x96", 0.06),
            Network("3Block, identity", "ssn-3block-identity-lspet-128x96", 0.04),
            Network("ResNet-50", "res50-lspet-128x96", 0.1),
        ),
        _TORSO,
    ),
    Claim(
        "scanet",
        "SCANet's sharp spatial attention is better than soft attention, than none, and than the hourglass",
        (
            Network("SCANet, sharp", "scanet-1s-ssa-lspetmpii-128x128", 0.12),
            Network("SCANet, soft", "scanet-1s-soft-lspetmpii-128x128", 0.12),
            Network("SCANet, none", "scanet-1s-msfi-lspetmpii-128x128", 0.12),
            Network("hourglass", "hourglass-1s-lspetmpii-128x128", 0.12),
        ),
        _HEAD,
    ),
    Claim(
        "sfm",
        "SFM with HSA is better than without, and than the cascaded pyramid",
        (
            Network("SFM", "sfm-lspet-128x128", 0.1),
            Network("SFM without HSA", "sfm-no-hsa-lspet-128x128", 0.09),
            Network("cascaded pyramid", "sfm-cascaded-lspet-128x128", 0.09),
        ),
        _HEAD,
    ),
    Claim(
        "start",
        "X-HRNet-18 is better from the official start than from Kaiming's",
        (_XHRNET, _XHRNET._replace(label="Kaiming's start", config="xhrnet-18-kaiming-lspet-128x96")),
        _TORSO,
    ),
    Claim(
        "pretraining",
        "X-HRNet-18 is better where rendered persons take the first epochs",
        (_XHRNET._replace(label="rendered persons first", start="xhrnet-18-synthetic"), _XHRNET),
        _TORSO,
    ),
)


def find_studies(keys: Sequence[str] = ()) -> list[Training | Claim]:
    """Trainings and claims by their keys, in order of value.

    Args:
        keys: None of them for all.

    Raises:
        ValueError: If there is none with a key.
    """
    known: list[Training | Claim] = [*TRAININGS, *CLAIMS]
    unknown = set(keys) - {study.key for study in known}
    if unknown:
        names = ", ".join(study.key for study in known)
        raise ValueError(f"expected studies among {names}, got {', '.join(sorted(unknown))}")
    return [study for study in known if not keys or study.key in keys]
