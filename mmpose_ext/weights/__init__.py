"""Weights that the package ships, by name: `NAME.safetensors` beside `NAME.md`, its model card.

MMEngine takes `mmpose_ext://NAME` and the bare `NAME` wherever it takes a checkpoint (`compat/safetensors_files.py`).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["DEFAULT", "SCHEME", "SUFFIX", "find_weights", "shipped_weights"]

DEFAULT = "xhrnet-18-lsp"
"""What `mmpose-ext infer` takes if nothing is named."""
SCHEME = "mmpose_ext://"
SUFFIX = ".safetensors"


def shipped_weights() -> dict[str, Path]:
    """Name -> file of all weights in the package."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob(f"*{SUFFIX}"))}


def find_weights(name: str) -> Path:
    """The file of weights that the package ships.

    Args:
        name: E.g. `xhrnet-18-lsp` or `mmpose_ext://xhrnet-18-lsp`. A slash may follow: `mim download` takes what stands
            behind the last one for the name of a file to fetch, and these weights are here already.

    Raises:
        ValueError: If the package ships no such weights.
    """
    known = shipped_weights()
    bare = name.removeprefix(SCHEME).rstrip("/")
    if bare not in known:
        raise ValueError(f"expected weights that the package ships ({', '.join(known) or 'none'}), got {name!r}")
    return known[bare]
