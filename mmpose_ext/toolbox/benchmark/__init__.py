"""Latency, throughput and memory, measured in turns in one process."""

__all__: list[str] = []
