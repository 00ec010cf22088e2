"""What trained networks have learned: offsets of SSN, the threshold of SHaRPose."""

__all__: list[str] = []
