"""Leeds Sports Pose Extended from its archive, in COCO and MPII style."""

__all__: list[str] = []
