"""Known breakages of the OpenMMLab stack, one file each; each does nothing where upstream works."""

from mmpose_ext.compat import (
    analyze_logs,
    annotation_files,
    bfloat16,
    checkpoint,
    checkpoint_files,
    complexity,
    inferencer,
    launcher,
    load_image,
    mim_options,
    mim_paths,
    mmcv_ext,
    moved,
    publish_model,
    safetensors_files,
    slow_imports,
    tool_errors,
    upstream_warnings,
    xtcocotools_modules,
)
from mmpose_ext.compat._imports import when_imported

__all__ = ["activate", "when_imported"]


def activate() -> None:
    """Apply all fixes.

    Cheap and idempotent. Imports neither torch nor any OpenMMLab package: a fix of a module that isn't imported
    yet waits for that import.
    """
    moved.install()
    upstream_warnings.install()
    mmcv_ext.install()
    xtcocotools_modules.install()
    slow_imports.install()
    annotation_files.install()
    checkpoint.install()
    checkpoint_files.install()
    safetensors_files.install()
    launcher.install()
    mim_options.install()
    mim_paths.install()
    bfloat16.install()
    inferencer.install()
    load_image.install()
    tool_errors.install()
    complexity.install()
    publish_model.install()
    analyze_logs.install()
