"""Measure forward pass, training step and peak memory of configs in turns: `bench_training_step.py CONFIG...`."""

from __future__ import annotations

import argparse
import sys

from mmpose_ext.toolbox.benchmark.training_step import measure_processes, measure_training
from mmpose_ext.toolbox.catalogue.markdown import markdown_table


def main() -> None:
    """Print a table; ratios are to the first config."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="path, mmpose::path, alias, or module:function")
    parser.add_argument("--batch", type=int, default=4, help="images of a step")
    parser.add_argument("--rounds", type=int, default=5, help="how often each config has its turn")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--processes", type=int, default=1, help="also so many processes of one thread, by gloo")
    parser.add_argument("--compile", action="store_true", help="also by torch.compile, which takes minutes on a CPU")
    parser.add_argument("--shape", nargs=2, type=int, metavar=("H", "W"), help="input size in place of the configs'")
    args = parser.parse_args()
    shape = tuple(args.shape) if args.shape else None
    options = dict(batch=args.batch, rounds=args.rounds, threads=args.threads, shape=shape)
    results = measure_training(args.configs, **options)
    rows, header = (
        [],
        ["config", "forward, ms (ratio)", "step, ms (ratio)", "peak memory of a step", "images per second"],
    )
    for result in results:
        times, ratios = result.milliseconds, result.ratio(results[0])
        row = [result.label, f"{times[0]:.0f} ({ratios[0]:.2f})", f"{times[1]:.0f} ({ratios[1]:.2f})"]
        rows.append([*row, f"{result.bytes / 2**20:.0f} MiB", f"{1e3 * args.batch / times[1]:.1f}"])
    if args.processes > 1:
        header.append(f"{args.processes} processes")
        shared = dict(processes=args.processes, batch=args.batch, rounds=args.rounds, shape=shape)
        for row, seconds in zip(rows, measure_processes(args.configs, **shared), strict=True):
            row.append(f"{args.processes * args.batch / seconds:.1f}")
    if args.compile:
        header.append("compiled")
        for row, name in zip(rows, args.configs, strict=True):
            (result,) = measure_training([name], **options, compiled=True)
            row.append(f"{1e3 * args.batch / result.milliseconds[1]:.1f}")
    sys.stdout.write(markdown_table(header, rows) + "\n")


if __name__ == "__main__":
    main()
