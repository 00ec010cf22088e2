"""Your own annotations: checks, metainfo, splits and a ready config."""

__all__: list[str] = []
