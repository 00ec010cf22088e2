"""A session of the runtime for a file: ONNX Runtime, or OpenVINO for its own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmpose_ext.toolbox.devices import resolve_onnx_device

__all__ = ["onnx_session"]


def onnx_session(path: str | Path, *, threads: int, device: str = "cpu") -> Any:
    """Open an ONNX file in ONNX Runtime, or an ``.xml`` in OpenVINO.

    Args:
        path: The file.
        threads: Number of threads of one operator; operators run one after the other.
        device: ``cpu``, ``cuda``, or ``auto`` for ``cuda`` where it is there; OpenVINO runs on the CPU only.

    Raises:
        ImportError: If the runtime is missing.
        ValueError: If it can't run on the device, or can't read the file.
    """
    if Path(path).suffix == ".xml":
        if device not in ("auto", "cpu"):
            raise ValueError(f"expected the device cpu for {path}, got {device!r}")
        from mmpose_ext.toolbox.inference.openvino_runtime import OpenVINOSession

        return OpenVINOSession(path, threads=threads)
    import onnxruntime

    provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[resolve_onnx_device(device)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")  # whoever runs next has the cores
    if not Path(path).is_file():
        raise ValueError(f"expected an ONNX file, got {path}, which does not exist")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # ONNX Runtime has a dozen classes for it
        raise ValueError(f"expected an ONNX file, {path} can't be read: {str(error)[:300]}") from error
