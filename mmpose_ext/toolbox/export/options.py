"""What an export writes and what it is compared on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["EXPORTERS", "FORMS", "ExportOptions", "check_path"]

EXPORTERS = ("auto", "dynamo", "torchscript")
FORMS = ("float32", "float16", "bfloat16", "int8")


@dataclass(frozen=True)
class ExportOptions:
    """How to export a network.

    Attributes:
        shape: Input height and width in place of the config's.
        exporter: One of :data:`EXPORTERS`: which of PyTorch's two; ``auto`` tries the older one first,
            which is faster, and the newer one where that fails or its graph computes sizes.
        batch: The only batch size; None for any.
        form: One of :data:`FORMS`: the numbers that the file computes with.
        plain: Whether to export the training form in place of the deployed one.
        all_outputs: Whether to keep the outputs that are not decoded.
        refine_all: SHaRPose: refine all poses, ignore the threshold.
        as_exported: Whether to leave constants unfolded and keep nodes that do nothing.
        images: Folder of images to compare on; None for random images only.
        annotations: COCO-style file with boxes and keypoints of ``images``.
        limit: Number of persons to compare on.
        calibration: COCO-style file of the persons that the ranges of int8 are measured on.
        calibration_images: Folder of their images; None for ``images``.
        calibration_limit: Number of persons to calibrate on.

    Raises:
        ValueError: If a value can't be used, or not together with another one.
    """

    shape: tuple[int, int] | None = None
    exporter: str = "auto"
    batch: int | None = None
    form: str = "float32"
    plain: bool = False
    all_outputs: bool = False
    refine_all: bool = False
    as_exported: bool = False
    images: Path | None = None
    annotations: Path | None = None
    limit: int = 64
    calibration: Path | None = None
    calibration_images: Path | None = None
    calibration_limit: int = 256

    def __post_init__(self) -> None:
        if self.exporter not in EXPORTERS:
            raise ValueError(f"expected an exporter among {', '.join(EXPORTERS)}, got {self.exporter!r}")
        if self.form not in FORMS:
            raise ValueError(f"expected a form among {', '.join(FORMS)}, got {self.form!r}")
        if self.batch is not None and self.batch < 1:
            raise ValueError(f"expected a batch size of at least 1, got {self.batch}")
        if min(self.limit, self.calibration_limit) < 1:
            least = min(self.limit, self.calibration_limit)
            raise ValueError(f"expected a limit of at least one person, got {least}")
        if self.form == "int8" and not (self.images or self.calibration_images):
            raise ValueError(
                "expected --images FOLDER or --calibration-images FOLDER for the calibration of --int8, got none"
            )
        if self.annotations and not self.images:
            raise ValueError("expected --images FOLDER beside --annotations, got none")
        if (self.calibration or self.calibration_images) and self.form != "int8":
            raise ValueError("expected --int8 beside --calibration and --calibration-images, got none")


def check_path(path: Path, form: str) -> None:
    """Refuse a name of a file that no runtime reads, or whose runtime does not have the form.

    Args:
        path: The file to write, ``.onnx`` or ``.xml``.
        form: One of :data:`FORMS`.

    Raises:
        ValueError: If it can't be used.
    """
    if path.suffix not in (".onnx", ".xml"):
        raise ValueError(f"expected a name that ends in .onnx or .xml for the file to write, got {path}")
    wanted = {"bfloat16": ".xml", "int8": ".onnx"}.get(form, path.suffix)
    if path.suffix != wanted:
        raise ValueError(f"expected a name that ends in {wanted} for the form {form}, got {path}")
