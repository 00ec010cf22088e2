"""ONNX files, and their check against PyTorch."""

__all__: list[str] = []
