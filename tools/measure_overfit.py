"""Steps that networks need to know 64 rendered persons by heart: ``tools/measure_overfit.py NAME ... --out FOLDER``.

A name is that of a config with COCO's 17 keypoints, ours or MMPose's, and may end in ``@LR``, its learning rate. The
measurements of each go to ``FOLDER/NAME@LR_SEED.csv``, the table to the screen. What was stopped goes on from the
``.pth`` beside it.
"""

import argparse
import sys
from pathlib import Path

import torch

from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.studies.overfit import Point, at_size, overfit, render


def measure(name: str, args: argparse.Namespace) -> list[Point]:
    """Train one network."""
    source, _, rate = name.partition("@")
    config = at_size(load_candidate(source).require_config(), (args.size[1], args.size[0]))
    persons = render(args.out / f"persons_{args.persons}", config.codec, number=args.persons, seed=args.seed)
    options = dict(lr=float(rate or args.lr), batch=args.batch, max_steps=args.max_steps, every=args.every)
    kept = args.out / f"{Path(source).stem}@{rate or args.lr}_{args.seed}.pth"
    points: list[Point] = []
    for point in overfit(config.model, persons, **options, goal=args.goal, seed=args.seed, state=kept):
        points.append(point)
        lines = [f"{point.step},{point.loss:.6f},{point.pck:.2f}" for point in points]
        kept.with_suffix(".csv").write_text("\n".join(["step,loss,pck", *lines, ""]))
    return points


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--persons", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--max-steps", type=int, default=1000)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--goal", type=float, default=95.0, help="PCK@0.2 of the torso, in percent")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rows = []
    for name in args.names:
        try:
            points = measure(name, args)
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        reached = str(points[-1].step) if points[-1].pck >= args.goal else f"not in {points[-1].step}"
        halfway = next((str(point.step) for point in points if point.pck >= 50), "")
        rows.append([name, halfway, reached, f"{points[-1].pck:.1f}"])
        sys.stdout.write(f"{rows[-1]}\n")
        sys.stdout.flush()
    sys.stdout.write(markdown_table(["network", "steps to 50 %", f"steps to {args.goal:g} %", "PCK@0.2"], rows) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
