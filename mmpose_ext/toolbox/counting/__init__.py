"""Parameters, MACs and FLOPs under the papers' own rules."""

__all__: list[str] = []
