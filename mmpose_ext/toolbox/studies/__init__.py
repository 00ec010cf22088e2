"""What trained networks have learned: offsets of SSN, the threshold of SHaRPose; and why SCANet's SSA may not train."""

__all__: list[str] = []
