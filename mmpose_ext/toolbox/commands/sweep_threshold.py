"""Find a quality threshold: accuracy, share of refined samples and speed of a SHaRPose over Q_thres."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext sweep-threshold``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("config", metavar="CONFIG", help="path, mmpose_ext::path or alias; its test set is used")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint file")
    parser.add_argument(
        "--thresholds",
        nargs="+",
        type=float,
        metavar="Q",
        help="values to try; without it, those that refine evenly spaced shares of the samples",
    )
    parser.add_argument("--number", type=int, default=9, help="how many thresholds where none are given")
    parser.add_argument("--metric", help="the metric to plot; the first one of the config without this")
    parser.add_argument("--batch", type=int, help="batch size in place of the config's")
    parser.add_argument("--limit", type=int, help="stop behind so many batches")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each threshold for the speed, 0 for no speed")
    parser.add_argument("--threads", type=int, help="CPU threads of PyTorch")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/sweep-threshold"), help="folder for JSON and plot")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext sweep-threshold``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 if something can't be used.
    """
    import torch

    from mmpose_ext.toolbox.catalogue.markdown import markdown_table
    from mmpose_ext.toolbox.networks import load_candidate
    from mmpose_ext.toolbox.studies import threshold as sweep

    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        if args.number < 2:
            raise ValueError(f"expected a number of at least 2, got {args.number}")
        candidate = load_candidate(args.config)
        if candidate.config is None:
            raise ValueError(f"expected a config with a test set, got {args.config}")
        config = candidate.config
        if args.batch:
            config.test_dataloader.batch_size = args.batch
        model = candidate.build(checkpoint=None if args.checkpoint == "none" else args.checkpoint).model
        batches, evaluator, images = sweep.collect(model, config, limit=args.limit, device=args.device)
        thresholds = sorted(set(args.thresholds or sweep.thresholds_for(batches, args.number)))
        scores = [sweep.evaluate(model, batches, evaluator, threshold) for threshold in thresholds]
        metric = args.metric or next(iter(scores[0][1]))
        if metric not in scores[0][1]:
            raise ValueError(f"expected a metric among {', '.join(scores[0][1])}, got {metric!r}")
        shares = [share for share, _ in scores]
        speeds = sweep.images_per_second(model, images, shares, rounds=args.rounds) if args.rounds else None
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        print(f"mmpose-ext sweep-threshold: {error}", file=sys.stderr)
        return 2
    rows = [
        sweep.Row(threshold, share, metrics, speeds[i] if speeds else None)
        for i, (threshold, (share, metrics)) in enumerate(zip(thresholds, scores, strict=True))
    ]
    header = ["Q_thres", "refined", *scores[0][1], "images/s"]
    cells = [
        [
            name,
            f"{row.refined:.1%}",
            *(f"{value:.4f}" for value in row.metrics.values()),
            f"{row.images_per_second:.1f}" if row.images_per_second else "-",
        ]
        for name, row in zip(sweep.labels(thresholds), rows, strict=True)
    ]
    print(markdown_table(header, cells))
    print(f"\nimages/s: the network alone, batch {len(images)}, {torch.get_num_threads()} thread(s), no flip test")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{candidate.label}.json"
    content = dict(command=shlex.join(["mmpose-ext", *sys.argv[1:]]), rows=[row._asdict() for row in rows])
    path.write_text(json.dumps(content, indent=1))
    sweep.plot(path.with_suffix(".png"), rows, metric)
    print(f"{path} and .png hold the figures and a plot")
    return 0
