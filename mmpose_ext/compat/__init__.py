"""Known breakages of the OpenMMLab stack, one file each; each does nothing where upstream works."""

from mmpose_ext.compat import checkpoint, inferencer, launcher, mmcv_ext, moved, safetensors_files, xtcocotools_mask

__all__ = ["activate"]


def activate() -> None:
    """Apply all mends.

    Cheap and idempotent. Imports neither torch nor any OpenMMLab package: a mend of a module that isn't imported
    yet waits for that import.
    """
    moved.install()
    mmcv_ext.install()
    xtcocotools_mask.install()
    checkpoint.install()
    safetensors_files.install()
    launcher.install()
    inferencer.install()
