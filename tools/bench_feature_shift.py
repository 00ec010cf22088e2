"""Time the shift operator of SSN against grid sampling and deformable convolution; on a GPU also against a copy.

Run `python tools/bench_feature_shift.py`; docs/papers/ssn.md has its figures.
"""

from __future__ import annotations

import argparse
import sys

import torch

from mmpose_ext.toolbox.benchmark.shift import Row, deformable, grid_samples, memory

SHAPES = [(8, 512, 64, 48), (8, 512, 32, 24), (8, 512, 16, 12), (1, 512, 64, 48)]
WINDOWS = [(1, 64, (32, 24), 15), (2, 64, (64, 48), 7), (2, 256, (32, 24), 3)]
"""Batch, channels, size, kernel."""


def main() -> None:
    """Print one table after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--rounds", type=int, default=15, help="how often each candidate has its turn")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sys.stdout.write(f"torch {torch.__version__}, {args.device}, {args.threads} thread(s), {args.rounds} rounds\n")
    for shape in SHAPES:
        _print(f"shift, B K H W = {shape}", grid_samples(shape, device=args.device, rounds=args.rounds))
    for batch, channels, size, kernel in WINDOWS:
        title = f"{kernel**2} window positions, B {batch}, C {channels}, {size[0]}x{size[1]}"
        rounds = max(3, args.rounds // 4)
        _print(title, deformable(channels, size, kernel, batch=batch, device=args.device, rounds=rounds))
    if args.device == "cuda":
        for shape in SHAPES:
            shares = ", ".join(f"{name} {share:.0%}" for name, share in memory(shape).items())
            sys.stdout.write(f"\nbandwidth as a share of a copy, {shape}: {shares}\n")


def _print(title: str, tables: dict[str, list[Row]]) -> None:
    for direction, rows in tables.items():
        sys.stdout.write(f"\n{title}, {direction}\n")
        for row in rows:
            sys.stdout.write(f"  {row.name:38} {row.milliseconds:9.2f} ms   {row.ratio:7.2f}x\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
