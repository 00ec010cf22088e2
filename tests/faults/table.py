"""The command line behind ``tools/attack.py``: attacks in parts, and the tables of docs/reliability.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")

import torch

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
KEPT = ROOT / "work_dirs" / "attacks"
FILES = ("payloads", "mutants", "images")
INTERRUPTIONS = ("commands", "x-hrnet", "sharpose", "ssn", "two-trainings")
NETWORKS = {"x-hrnet": "X-HRNet", "sharpose": "SHaRPose", "ssn": "SSN"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for.

    Args:
        argv: The arguments.

    Returns:
        0, or 1 if an attack got through.
    """
    parser = argparse.ArgumentParser(prog="tools/attack.py", description="Attack every command.")
    parts = (*FILES, *INTERRUPTIONS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; by default none")
    parser.add_argument("--all", action="store_true", help="all parts")
    parser.add_argument("--mutants", type=int, default=300, help="mutants of a COCO file for each command")
    parser.add_argument("--images", type=int, default=100, help="images for each command")
    parser.add_argument("--share", type=float, default=1, help="part of the payloads")
    parser.add_argument("--number", type=int, default=3, help="interruptions of each kind for each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    args = parser.parse_args(argv)
    if unknown := set(args.parts) - set(parts):
        parser.error(f"expected parts of {', '.join(parts)}, got {', '.join(unknown)}")
    bad = 0
    for part in parts if args.all else args.parts:
        bad += _run(part, args)
    if args.write:
        PAGE.write_text(page(PAGE.read_text(), _read()))
    return int(bad > 0)


def _run(part: str, args: argparse.Namespace) -> int:
    """Run one part and keep its counts; returns how many attacks got through."""
    from mmengine.registry import init_default_scope

    from mmpose_ext import registration
    from tests.faults.commands import Workshop, failures

    registration.register()
    init_default_scope("mmpose")
    torch.set_num_threads(1)
    counts: dict[str, Counter[str]] = {}
    bad = 0
    with TemporaryDirectory() as folder:
        for attempt in _attempts(part, Workshop(Path(folder)), args)():
            counts.setdefault(attempt.command, Counter())[attempt.outcome.value] += 1
            if failures([attempt]):
                bad += 1
                sys.stdout.write(f"{attempt.command}: {attempt.name}: {attempt.outcome.value}\n{attempt.said}\n\n")
            sys.stdout.flush()
    KEPT.mkdir(parents=True, exist_ok=True)
    about = {"date": date.today().isoformat(), "torch": torch.__version__, "seed": args.seed}
    (KEPT / f"{part}.json").write_text(json.dumps({"about": about, "counts": counts}, indent=1) + "\n")
    sys.stdout.write(f"{part}: {sum(map(Counter.total, counts.values()))} attacks, {bad} got through\n")
    return bad


def _attempts(part: str, shop: Any, args: argparse.Namespace) -> Callable[[], Iterator]:
    from tests.faults import campaign, jobs

    return {
        "payloads": lambda: campaign.payload_attacks(shop, share=args.share, seed=args.seed),
        "mutants": lambda: campaign.mutant_attacks(shop, number=args.mutants, seed=args.seed),
        "images": lambda: campaign.image_attacks(shop, number=args.images, seed=args.seed),
        "commands": lambda: jobs.command_attacks(shop, number=args.number, seed=args.seed),
        "two-trainings": lambda: iter([jobs.two_trainings(shop)]),
        **{
            key: lambda name=name: jobs.training_attacks(shop, name, number=args.number, seed=args.seed)
            for key, name in NETWORKS.items()
        },
    }[part]


def _read() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))}


def page(text: str, parts: dict[str, dict[str, Any]]) -> str:
    """The page with its two tables.

    Args:
        text: The page, which has a place ``<!-- begin attacks: NAME -->`` for each.
        parts: Name of a part -> what was kept of it.
    """
    for name, wanted in (("files", FILES), ("interruptions", INTERRUPTIONS)):
        there = {part: parts[part] for part in wanted if part in parts}
        if there:
            pattern = re.compile(rf"(<!-- begin attacks: {name} -->\n).*?(<!-- end attacks -->)", re.DOTALL)
            text = pattern.sub(lambda match, there=there: f"{match[1]}\n{_table(there)}\n\n{match[2]}", text)
    return text


def _table(parts: dict[str, dict[str, Any]]) -> str:
    from tests.faults.outcome import Outcome

    total: dict[str, Counter[str]] = {}
    for part in parts.values():
        for command, counts in part["counts"].items():
            total.setdefault(command, Counter()).update(counts)
    names = [outcome.value for outcome in Outcome]
    rows = [[f"`{command}`", str(c.total()), *(str(c[name]) for name in names)] for command, c in sorted(total.items())]
    whole = sum(total.values(), Counter())
    rows.append(["all", str(whole.total()), *(str(whole[name]) for name in names)])
    dates = sorted({part["about"]["date"] for part in parts.values()})
    torches = sorted({part["about"]["torch"] for part in parts.values()})
    sizes = ", ".join(f"{sum(sum(c.values()) for c in part['counts'].values())} {name}" for name, part in parts.items())
    lines = [["command", "tried", *names], ["---"] * (2 + len(names)), *rows]
    text = "\n".join(f"|{'|'.join(line)}|" for line in lines)
    return f"{text}\n\n{sizes}; {dates[-1]}, torch {', '.join(torches)}."
