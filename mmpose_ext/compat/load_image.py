"""MMPose's ``LoadImage`` refuses an image that is broken, and names it.

Breakage: a JPEG that was cut off is decoded without a word, its lower part gray; a PNG whose header promises 1.6
gigapixels ends in a bare ``cv2.error``, an empty file in an assertion. ``mim train`` and ``mim test`` use whatever
comes. No report upstream was found.

Fix: header and last bytes of a local file are looked at first, and whatever goes wrong is an ``UnreadableImage`` with
the name of the file. The pixels of a good image are decoded by MMPose as before.
"""

from __future__ import annotations

import functools
from pathlib import Path
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]


def _local_path(transform: Any, results: dict[str, Any]) -> Path | None:
    """The file to look at; None for pixels that are there, and for what another storage holds."""
    path = results.get("img_path")
    backend = (transform.backend_args or {}).get("backend", "local")
    if "img" in results or transform.file_client_args or backend != "local" or not isinstance(path, str | Path):
        return None
    return None if "://" in str(path) else Path(path)


def _patch(module: ModuleType) -> None:
    """Wrap ``LoadImage.transform``."""
    loader = module.LoadImage
    original = loader.transform
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def transform(self: Any, results: dict[str, Any]) -> dict[str, Any] | None:
        from mmpose_ext.image_file import UnreadableImage, image_size

        path = None if self.ignore_empty else _local_path(self, results)
        if path is None:
            return original(self, results)
        image_size(path)
        try:
            return original(self, results)
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise UnreadableImage(f"{path} can't be decoded: {reason}") from error

    loader.transform = transform


def install() -> None:
    """Patch MMPose's transform, now or when it is imported."""
    when_imported("mmpose.datasets.transforms.loading", _patch)
