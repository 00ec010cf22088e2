"""Costs of single operators under the rule ``elementwise``, by which the tables of SSN come out.

The paper does not say how it counts. Multiply-accumulates of convolutions alone give three of its ten numbers; with the
operations on each element beside them all ten come out to the printed digit. The weights below are one of about 2000
sets that do so, so they are a convention and no finding.

The paper states no rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

NAME = "elementwise"

Counter = Callable[[Sequence[Any], Sequence[Any]], dict[str, int]]
"""MMEngine's form: inputs and outputs of a traced operator -> name of the counter -> operations."""


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(value.type().sizes())


def _per_output(weight: int) -> Counter:
    """A counter of so many operations for each element of the output."""
    return lambda inputs, outputs: {NAME: weight * math.prod(_sizes(outputs[0]))}


def _per_input(weight: int) -> Counter:
    """A counter of so many operations for each element of the input."""
    return lambda inputs, outputs: {NAME: weight * math.prod(_sizes(inputs[0]))}


def _convolution(inputs: Sequence[Any], outputs: Sequence[Any]) -> dict[str, int]:
    """One multiply-accumulate for each weight that an output element meets, and one operation for its bias."""
    out = math.prod(_sizes(outputs[0]))
    has_bias = inputs[2].type().str() != "NoneType"
    return {NAME: out * (math.prod(_sizes(inputs[1])[1:]) + has_bias)}


COSTS: dict[str, Counter] = {
    "aten::_convolution": _convolution,
    **dict.fromkeys(
        [
            "aten::relu",
            "aten::relu_",
            "aten::clamp_min",  # a ReLU as well
            "aten::add",
            "aten::add_",
            "aten::mul",
            "aten::div",
            "aten::sigmoid",
            "aten::softplus",
        ],
        _per_output(1),
    ),
    "aten::sum": _per_input(1),  # with the division, 2 for each element of the spatial normalization
    "aten::batch_norm": _per_output(2),
    "aten::group_norm": _per_output(2),
    "aten::upsample_bilinear2d": _per_output(7),
    "mmpose_ext::feature_shift": _per_output(7),
    "aten::max_pool2d": _per_output(9),
}
"""Traced operator -> its cost."""
