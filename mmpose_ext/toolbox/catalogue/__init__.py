"""The one reader of the metafiles: configs, aliases, published tables, measured numbers."""

__all__: list[str] = []
