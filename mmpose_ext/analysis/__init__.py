"""Counting, benchmarking and exporting networks, and the tables about them. Import what you need from a module."""

__all__ = ["benchmark", "benchmark_report", "counting", "export", "models", "tables"]
