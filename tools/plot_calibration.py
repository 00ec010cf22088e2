"""Plot how far the scores of a network's keypoints tell right ones: ``tools/plot_calibration.py CONFIG OUT.png``.

Runs the weights that the package ships, or those of ``--checkpoint``, on the validation data of the config.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.command_errors import run_command
from mmpose_ext.toolbox.commands.arguments import checkpoint_path
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.studies.calibration import calibration, plot_calibration, score_validation


def main() -> int:
    """Measure, print the bins, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="alias or path, e.g. xhrnet-18-lsp")
    parser.add_argument("out", type=Path)
    parser.add_argument("--checkpoint")
    args = parser.parse_args()
    checkpoint = checkpoint_path(args.checkpoint, config=args.config)
    network = load_candidate(args.config).build(checkpoint=checkpoint)
    scored = score_validation(network.model, Config.fromfile(find_config(args.config)))
    result = calibration(scored)
    for score, accuracy, count in zip(result.scores, result.accuracy, result.counts, strict=True):
        sys.stdout.write(f"score {score:.2f}: {100 * accuracy:5.1f} % of {count} keypoints\n")
    sys.stdout.write(f"all: {100 * scored.right.mean():.2f} % of {len(scored.right)}, ")
    sys.stdout.write(f"calibration error {result.error:.3f}, separation {result.separation:.3f}\n")
    plot_calibration(result, args.out, title=args.config)
    return 0


if __name__ == "__main__":
    raise SystemExit(run_command("plot_calibration", main))
