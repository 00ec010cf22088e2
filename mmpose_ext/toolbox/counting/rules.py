"""Parameters and floating point operations, under the rules that papers count by.

"FLOPs" in this field is rarely what it says: mostly it is multiply-accumulates (MACs), of some operations, of some
calls, and the "M" may be 2^20. So every number here has the name of its rule (:data:`RULES`):

* ``macs``: MACs of all convolutions and matrix products that are executed, in 10^6. The plain number.
* ``fvcore``: everything that fvcore counts, by MMEngine's version of it; the number of ``get_model_complexity_info``.
* ``leaf-modules``: the rule behind Lite-HRNet's and X-HRNet's tables, see :class:`.LeafModuleRule`.
* ``elementwise``: MACs and the operations on single elements, the rule of SSN's tables, see :mod:`.elementwise`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from mmengine.analysis import FlopAnalyzer
from torch import Tensor, nn

from mmpose_ext.toolbox.counting import elementwise
from mmpose_ext.toolbox.counting.leaf_modules import LEAF_MODULES, LeafModuleRule

__all__ = ["RULES", "LEAF_MODULES", "Count", "ExecutedRule", "LeafModuleRule", "Rule", "count", "count_parameters"]


class Rule(Protocol):
    """A way of counting."""

    @property
    def name(self) -> str:
        """Name of the rule."""

    @property
    def unit(self) -> int:
        """What one "M" is."""

    @property
    def text(self) -> str:
        """One line for a table's legend."""

    def __call__(self, network: nn.Module, images: Tensor) -> int:
        """Count one forward pass."""


@dataclass(frozen=True)
class ExecutedRule:
    """What MMEngine's operator counter, which is fvcore's, sees in a trace of the forward pass.

    Attributes:
        name: Name of the rule.
        unit: What one "M" is.
        text: One line for a table's legend.
        operators: The counter's names of the operators to add up; None for all that it knows.
        extra: Counters, in its form, of operators that it does not know.
    """

    name: str
    unit: int
    text: str
    operators: frozenset[str] | None = None
    extra: Mapping[str, Callable[[Sequence[Any], Sequence[Any]], Any]] | None = None

    def __call__(self, network: nn.Module, images: Tensor) -> int:
        """Count one forward pass.

        Args:
            network: The network, in ``eval()`` mode.
            images: (B, 3, H, W).
        """
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer's: sizes become constants, as they should here
            analysis = FlopAnalyzer(network, images)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            analysis.set_op_handle(**dict(self.extra or {}))
            by_operator = analysis.by_operator()
        return round(sum(n for name, n in by_operator.items() if self.operators is None or name in self.operators))


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(value.type().sizes())


def _product_macs(inputs: Sequence[Any], outputs: Sequence[Any]) -> dict[str, int]:
    """A matrix product with broadcast batch dimensions, of which MMEngine's own counter loses some."""
    left, out = _sizes(inputs[0]), _sizes(outputs[0])
    return {"matmul": math.prod(out) * left[-1]}


def _attention_macs(inputs: Sequence[Any], outputs: Sequence[Any]) -> dict[str, int]:
    """Two matrix products per head: (..., L, E) x (..., E, S) for the scores, (..., L, S) x (..., S, V) for the sum."""
    query, key, value = map(_sizes, inputs[:3])
    return {"attention": math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])}


def _elementwise_macs(inputs: Sequence[Any], outputs: Sequence[Any]) -> dict[str, int]:
    """A product and a sum for each element."""
    return {"addcmul": math.prod(_sizes(outputs[0]))}


MACS = ExecutedRule(
    "macs",
    10**6,
    "multiply-accumulates of all convolutions and matrix products executed, in 10^6",
    frozenset({"conv", "linear", "addmm", "bmm", "baddbmm", "matmul", "einsum", "attention", "addcmul"}),
    {
        "aten::matmul": _product_macs,
        "aten::mm": _product_macs,
        "aten::addcmul": _elementwise_macs,
        "aten::scaled_dot_product_attention": _attention_macs,
    },
)

FVCORE = ExecutedRule("fvcore", 10**6, "all that fvcore counts, the same as MMEngine's counter, in 10^6")

ELEMENTWISE = ExecutedRule(
    elementwise.NAME,
    10**6,
    "the rule of the SSN paper: multiply-accumulates and the operations on single elements, in 10^6",
    frozenset({elementwise.NAME}),
    elementwise.COSTS,
)

RULES: dict[str, Rule] = {rule.name: rule for rule in (MACS, FVCORE, LEAF_MODULES, ELEMENTWISE)}
"""All rules by name. A paper that counts in its own way adds a rule here."""


@dataclass(frozen=True)
class Count:
    """What one forward pass of one image costs.

    Attributes:
        parameters: Trainable numbers.
        operations: Rule -> number of operations.
        shape: Input height and width.
    """

    parameters: int
    operations: dict[str, int]
    shape: tuple[int, int]

    def in_units(self, rule: str) -> float:
        """Operations in the "M" of that rule.

        Args:
            rule: Name of a rule that was counted.
        """
        return self.operations[rule] / RULES[rule].unit


def count_parameters(network: nn.Module) -> int:
    """Trainable numbers of a network, each once; a frozen one counts as well.

    Args:
        network: The network.
    """
    return sum(parameter.numel() for parameter in network.parameters())


def count(network: nn.Module, shape: tuple[int, int], *, rules: Sequence[str] = tuple(RULES)) -> Count:
    """Count parameters and operations for one image.

    Args:
        network: Maps (1, 3, H, W) to any output; it is put into ``eval()`` mode and back.
        shape: Input height and width.
        rules: Names of rules.

    Raises:
        ValueError: If there is no such rule.
    """
    unknown = [name for name in rules if name not in RULES]
    if unknown:
        raise ValueError(f"expected rules among {', '.join(RULES)}, got {', '.join(unknown)}")
    modes = {module: module.training for module in network.modules()}
    parameter = next(network.parameters(), None)
    images = torch.zeros(1, 3, *shape, device=parameter.device if parameter is not None else "cpu")
    network.eval()
    try:
        operations = {name: RULES[name](network, images) for name in rules}
    finally:
        for module, mode in modes.items():
            module.training = mode
    return Count(count_parameters(network), operations, shape)
