"""The Leeds data sets, LSP and LSPET, from their archives in COCO's format, LSPET in MPII's as well."""

__all__: list[str] = []
