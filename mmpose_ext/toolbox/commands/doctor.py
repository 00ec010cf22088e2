"""Check this environment: print versions, known conflicts, and the command that fixes each.

The exit status is 1 if something is broken. Libraries are imported in a process of their own, and this command runs
where torch, mmcv or MMPose is missing or raises an error on import.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext doctor``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument(
        "--full", action="store_true", help="import all of MMPose, MMDetection and mim, which takes four times as long"
    )


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext doctor``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 1 if something is broken.
    """
    from mmpose_ext.toolbox.environment import Status, check_environment

    findings = check_environment(full=args.full)
    for finding in findings:
        print(f"{finding.status.value:<7} {finding.text}")
        if finding.fix and finding.status is not Status.OK:
            print(f"{'':<7} -> {finding.fix}")
    broken = sum(finding.status is Status.BROKEN for finding in findings)
    print(f"\n{broken} broken" if broken else "\nnothing is broken")
    return int(broken > 0)
