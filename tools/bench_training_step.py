"""Measure forward pass, training step and peak memory of configs in turns: `bench_training_step.py CONFIG...`."""

from __future__ import annotations

import argparse
import sys

from mmpose_ext.toolbox.benchmark.training_step import measure_training
from mmpose_ext.toolbox.catalogue.markdown import markdown_table


def main() -> None:
    """Print a table; ratios are to the first config."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="path, mmpose::path, alias, or module:function")
    parser.add_argument("--batch", type=int, default=4, help="images of a step")
    parser.add_argument("--rounds", type=int, default=5, help="how often each config has its turn")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--shape", nargs=2, type=int, metavar=("H", "W"), help="input size in place of the configs'")
    args = parser.parse_args()
    shape = tuple(args.shape) if args.shape else None
    results = measure_training(args.configs, batch=args.batch, rounds=args.rounds, threads=args.threads, shape=shape)
    rows = []
    for result in results:
        times, ratios = result.milliseconds, result.ratio(results[0])
        row = [result.label, f"{times[0]:.0f} ({ratios[0]:.2f})", f"{times[1]:.0f} ({ratios[1]:.2f})"]
        rows.append([*row, f"{result.bytes / 2**20:.0f} MiB"])
    header = ["config", "forward, ms (ratio)", "step, ms (ratio)", "peak memory of a step"]
    sys.stdout.write(markdown_table(header, rows) + "\n")


if __name__ == "__main__":
    main()
