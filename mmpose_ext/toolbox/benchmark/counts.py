"""Parameters and FLOPs of several networks, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.counting.rules import RULES, Count, count
from mmpose_ext.toolbox.networks import Candidate, load_candidates

__all__ = ["count_networks", "counts_table"]


def count_networks(
    configs: Sequence[str], rules: Sequence[str] | None = None, *, shape: tuple[int, int] | None = None
) -> dict[str, Count]:
    """Count parameters and operations for one image.

    Args:
        configs: Configs or functions, as for :func:`.load_candidate`.
        rules: Keys of :data:`.RULES`; None for all.
        shape: Input height and width in place of the configs'.

    Returns:
        Label of a network -> its counts.

    Raises:
        ValueError: For a config, rule or shape that can't be used.
    """
    return {one.label: _count(one, list(rules or RULES)) for one in load_candidates(configs, shape=shape)}


def _count(candidate: Candidate, rules: Sequence[str]) -> Count:
    network, shape = candidate.build(), candidate.require_shape()
    try:
        return count(network, shape, rules=rules)
    except (ValueError, RuntimeError) as error:  # for a rule, or a size that the network can't process
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{candidate.source} can't be counted at {shape[0]}x{shape[1]}: {reason}") from error


def counts_table(counts: Mapping[str, Count]) -> str:
    """A Markdown table and the rules that it counts by.

    Args:
        counts: What :func:`count_networks` returned.
    """
    rules = list(next(iter(counts.values())).operations)
    rows = [
        [label, "x".join(map(str, result.shape)), f"{result.parameters:,}".replace(",", " ")]
        + [f"{result.in_units(rule):.2f}M" for rule in rules]
        for label, result in counts.items()
    ]
    legend = "\n".join(f"{rule}: {RULES[rule].text}" for rule in rules)
    return f"{markdown_table(['config', 'input (HxW)', 'parameters', *rules], rows)}\n\n{legend}"
