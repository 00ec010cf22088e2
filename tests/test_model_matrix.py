"""What every registered network, neck and head has to satisfy. A class that is missing here fails a test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.runner.checkpoint import load_state_dict
from mmpose.models.pose_estimators.base import BasePoseEstimator
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.toolbox.export.onnx_file import flatten_output

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One configuration of one class.

    Attributes:
        config: Arguments, without ``type``.
        inputs: Shapes of the inputs without the batch; several stand for a tuple of maps.
        outputs: Shapes of the outputs without the batch.
        no_gradient: Pattern of a parameter's name -> why its gradient may be zero.
    """

    config: Mapping[str, Any]
    inputs: Sequence[Shape]
    outputs: Sequence[Shape]
    no_gradient: Mapping[str, str] = field(default_factory=dict)


CONSTANT_UNDER_SOFTMAX = {r"grouping\.bias$": "a softmax ignores a constant"}
TWO_LAYERS = dict(width=24, depth=2, num_heads=2)
SHARPOSE = dict(arch=TWO_LAYERS, input_size=(32, 48), patch_size=4, drop_path_rate=0.0)
"""48x32 pixels, 6x4 coarse patches."""
ONE_MODULE_PER_STAGE = dict(num_modules=(1, 1, 1), channels=(8, 16, 24, 32), stem_channels=8, num_blocks=1)

CONSTANT_UNDER_NORMALISATION = {r"score\.bias$": "a softmax ignores a constant"}
HOURGLASS = dict(num_stacks=1, num_keypoints=5, channels=8, depth=2)
SCANET = dict(num_stacks=2, num_keypoints=5, channels=8, depth=3, reduced_channels=16)
PYRAMID = [(8, 16, 24), (6, 8, 12), (4, 4, 6), (4, 2, 3)]
THREE_LEVELS = dict(channels=(8, 12, 16))

TINY_SSN = dict(stem_channels=32, base_channels=32, shift_channels=6)
BEFORE_BATCH_NORM = {r"(expand|attention\.conv)\.bias$": "the batch norm behind it takes the mean away"}

MATRIX: dict[str, dict[str, Case]] = {
    "BDMPSCANet": {
        **{
            name: Case({**SCANET, "variant": name}, [(3, 64, 96)], [(5, 16, 24)] * 2, no_gradient)
            for name, no_gradient in [
                ("msfi", {}),
                ("bdmp", {}),
                ("sacwa", {}),
                ("ssa", CONSTANT_UNDER_NORMALISATION),
                ("soft", CONSTANT_UNDER_NORMALISATION),
                ("sca", CONSTANT_UNDER_NORMALISATION),
                ("all", CONSTANT_UNDER_NORMALISATION),
            ]
        },
        "features": Case(
            {**SCANET, "num_keypoints": None}, [(3, 64, 96)], [(8, 16, 24)] * 2, CONSTANT_UNDER_NORMALISATION
        ),
        "one stack": Case({**SCANET, "num_stacks": 1}, [(3, 64, 96)], [(5, 16, 24)], CONSTANT_UNDER_NORMALISATION),
    },
    "BiDirectionalMessagePassing": {
        "pyramid": Case(dict(in_channels=(8, 6, 4, 4), channels=4), PYRAMID, [(4, 16, 24)] * 4),
        "two levels": Case(dict(in_channels=(8, 6), channels=4), PYRAMID[:2], [(4, 16, 24)] * 2),
    },
    "MultiScaleFeatureIntegration": {
        "alone": Case(dict(in_channels=(8, 6, 4, 4), channels=4), PYRAMID, [(16, 16, 24)]),
        "with messages": Case(
            dict(in_channels=(8, 6, 4, 4), channels=4, message_passing=True), PYRAMID, [(16, 16, 24)]
        ),
    },
    "SemanticsAwareChannelAttention": {
        "as the paper": Case(dict(in_channels=8, ratio=4), [(8, 12, 10)], [(16, 12, 10)]),
        "two maps": Case(
            dict(in_channels=8, middle_channels=6, ratio=4), [(8, 12, 10), (8, 6, 5)], [(16, 12, 10), (16, 6, 5)]
        ),
    },
    "SharperSpatialAttention": {
        name: Case(dict(in_channels=8, **config), [(8, 12, 10)], [(8, 12, 10)], CONSTANT_UNDER_NORMALISATION)
        for name, config in [
            ("sharp", {}),
            ("soft", dict(sharp=False)),
            ("cold", dict(tau=0.1)),
            ("hot", dict(tau=10.0)),
            ("no noise", dict(noise="never")),
        ]
    },
    "StackedHourglass": {
        "two stacks": Case({**HOURGLASS, "num_stacks": 2}, [(3, 64, 96)], [(5, 16, 24)] * 2),
        "features": Case({**HOURGLASS, "num_keypoints": None}, [(3, 64, 96)], [(8, 16, 24)]),
        "deep": Case({**HOURGLASS, "depth": 4}, [(3, 128, 64)], [(5, 32, 16)]),
        "group norm": Case({**HOURGLASS, "norm_cfg": dict(type="GN", num_groups=2)}, [(3, 64, 96)], [(5, 16, 24)]),
    },
    "SFM": {
        name: Case({"arch": THREE_LEVELS, **config}, [(3, 32, 48)], [(8, 16, 24)] * 2)
        for name, config in [
            ("sfm", {}),
            ("cascaded pyramid", dict(bridges=(), attention=None)),
            ("without HSA", dict(attention=None)),
            ("plain attention", dict(attention="SpatialAttention")),
            ("HSA everywhere", dict(attention_at="all")),
            ("two thetas", dict(attention=dict(type="HighLevelSpatialAttention", shared=False))),
            ("no skip to the end", dict(middle_to_final=False)),
            ("concatenations", dict(fusions=("concat", "concat", "concat"), bridges=(2,))),
            ("sums", dict(fusions=("add", "add", "add"))),
            *((block, dict(arch={**THREE_LEVELS, "block": block})) for block in ("basic", "conv", "separable")),
        ]
    }
    | {"as published": Case(dict(arch="sfm"), [(3, 32, 48)], [(48, 16, 24)] * 2)},
    "SFMHead": {
        "both outputs": Case(dict(in_channels=8, out_channels=5), [(8, 16, 24)] * 2, [(5, 16, 24)] * 2),
        "final output": Case(
            dict(in_channels=8, out_channels=5, supervise_middle=False), [(8, 16, 24)] * 2, [(5, 16, 24)]
        ),
    },
    "SpatialAttention": {"8": Case(dict(in_channels=8), [(8, 9, 7)], [(8, 9, 7)])},
    "HighLevelSpatialAttention": {
        "shared": Case(dict(in_channels=8), [(8, 9, 7)], [(8, 9, 7)]),
        "two thetas, 3x3": Case(dict(shared=False, kernel_size=3), [(8, 9, 7)], [(8, 9, 7)]),
    },
    "backbone_with_plugins": {
        "Lite-HRNet's heir": Case(
            dict(
                backbone=dict(type="XHRNet", arch=ONE_MODULE_PER_STAGE),
                plugins=[dict(cfg=dict(type="HighLevelSpatialAttention"), after=("stem", "head_layer.projects.0"))],
            ),
            [(3, 64, 96)],
            [(8, 16, 24)],
            CONSTANT_UNDER_SOFTMAX,
        )
    },
    "SHaRPose": {
        name: Case({**SHARPOSE, **config}, [(3, 48, 32)], [(17, 24), (17, 24), (), (), (selected,)], no_gradient)
        for name, config, selected, no_gradient in [
            ("tiny", {}, 12, {}),
            ("gated", dict(quality_threshold=0.0), 12, {}),
            (
                "as the paper",
                dict(
                    alpha=0.3,
                    skip_last_keypoint=False,
                    rounding="floor",
                    average_from=0,
                    unselected="output",
                    quality_activation="none",
                ),
                7,
                {},
            ),
            ("all refined", dict(alpha=1.0, quality_activation="sigmoid"), 24, {}),
            ("none refined", dict(alpha=0.0), 0, {r"^(reuse|fine_positions)": "there is no fine patch"}),
            ("drop path", dict(drop_path_rate=0.1), 12, {}),
        ]
    }
    | {"small": Case(dict(arch="small", input_size=(96, 64)), [(3, 64, 96)], [(17, 384), (17, 384), (), (), (3,)])},
    "SHaRPoseOneStage": {
        name: Case(
            dict(arch=TWO_LAYERS, input_size=(32, 48), patch_size=4, drop_path_rate=0.0, scale=scale),
            [(3, 48, 32)],
            [(17, 24)],
        )
        for name, scale in [("coarse", 0.5), ("fine", 1.0)]
    },
    "SHaRPoseEViT": {
        name: Case(
            dict(arch=TWO_LAYERS, input_size=(32, 48), patch_size=4, drop_path_rate=0.0, prune_at=(0,), **config),
            [(3, 48, 32)],
            [(17, 24)],
        )
        for name, config in [("fused", {}), ("nothing fused", dict(keep_rate=1.0))]
    },
    "SHaRPoseHead": {
        f"{layers} layers": Case(
            dict(in_channels=24, out_channels=17, heatmap_size=(8, 12), num_layers=number),
            [(17, 24), (17, 24)],
            [(17, 12, 8)],
        )
        for layers, number in [("one", 1), ("two", 2), ("official number of", None)]
    },
    "FeatureShiftModule": {
        label: Case(dict(in_channels=6, shift_channels=5, **config), [(6, 8, 7)], [(6, 8, 7)], BEFORE_BATCH_NORM)
        for label, config in [
            ("softplus", {}),
            ("sigmoid", dict(attention="sigmoid")),
            ("without CA", dict(attention=None)),
            ("without shifting", dict(shifting=False)),
        ]
    },
    "SSNResNet": {
        "50": Case(
            {**TINY_SSN, "first_shift_channels": 3},
            [(3, 64, 96)],
            [(128, 16, 24), (256, 8, 12), (512, 4, 6), (1024, 2, 3)],
            BEFORE_BATCH_NORM,
        ),
        "3 blocks": Case(
            {**TINY_SSN, "attention": "sigmoid", "num_stages": 1, "out_indices": (0,)},
            [(3, 32, 48)],
            [(128, 8, 12)],
            BEFORE_BATCH_NORM,
        ),
        "18": Case({**TINY_SSN, "depth": 18, "out_indices": (3,), "base_channels": 32}, [(3, 64, 96)], [(256, 2, 3)]),
        "plain": Case(
            {**TINY_SSN, "shift_channels": None, "out_indices": (1,), "num_stages": 2}, [(3, 32, 48)], [(256, 4, 6)]
        ),
    },
    "GlobalNet": {
        label: Case(
            dict(in_channels=(8, 16), out_channels=32, early_stages=early),
            [(8, 8, 6), (16, 4, 3)],
            [*((32, 8 >> stage, 6 >> stage) for stage in early), (32, 4, 3), (32, 8, 6)],
        )
        for label, early in [("early", (0, 1)), ("not early", ())]
    },
    "SSNHead": {
        tail: Case(
            dict(in_channels=32, out_channels=17, predictors=("E1", "P4"), tail=tail),
            [(32, 4, 3), (32, 8, 6)],
            [(17, 8, 6), (17, 8, 6)],
        )
        for tail in ("depthwise", "norm")
    },
    "SpatiallyUnidimensionalSelfAttention": {
        label: Case(dict(channels=8, **config), [(8, 9, 7)], [(8, 9, 7)], CONSTANT_UNDER_SOFTMAX)
        for label, config in [
            ("H-wise", dict(axis="H", length=9)),
            ("W-wise", dict(axis="W", length=7)),
            ("other size", dict(axis="W", length=12, fusion="add")),
        ]
    },
    "XShuffleBlock": {
        block: Case(dict(channels=8, map_size=(9, 7), block=block), [(8, 9, 7)], [(8, 9, 7)], CONSTANT_UNDER_SOFTMAX)
        for block in ("x-shuffle", "reversed", "w-wise", "h-wise", "parallel")
    },
    "XHRNet": {
        name: Case(config, [(3, 64, 96)], outputs, CONSTANT_UNDER_SOFTMAX)
        for name, config, outputs in [
            ("18", dict(arch="18", input_size=(96, 64)), [(40, 16, 24)]),
            ("30", dict(arch="30", input_size=(96, 64)), [(40, 16, 24)]),
            (
                "all branches",
                dict(arch=ONE_MODULE_PER_STAGE, input_size=(96, 64), out_indices=(0, 1, 2, 3)),
                [(8, 16, 24), (8, 8, 12), (16, 4, 6), (24, 2, 3)],
            ),
            ("other size", dict(arch=ONE_MODULE_PER_STAGE, input_size=(64, 128)), [(8, 16, 24)]),
            ("official lengths", dict(arch=ONE_MODULE_PER_STAGE, fixed_averaging=(96, 72)), [(8, 16, 24)]),
            ("added attention", dict(arch=ONE_MODULE_PER_STAGE, fusion="add"), [(8, 16, 24)]),
            ("ReLU in transitions", dict(arch=ONE_MODULE_PER_STAGE, transition_relu=True), [(8, 16, 24)]),
            *(
                (block, dict(arch=ONE_MODULE_PER_STAGE, block=block), [(8, 16, 24)])
                for block in ("reversed", "w-wise", "h-wise", "baseline", "parallel")
            ),
        ]
    },
}
"""Registered name -> name of a case -> case."""

CASES = [
    pytest.param(name, case, id=f"{name}-{label}") for name, cases in MATRIX.items() for label, case in cases.items()
]
every_case = pytest.mark.parametrize(("name", "case"), CASES)


def registered() -> dict[str, type]:
    """Networks, necks and heads of this package in MMPose's registry; whole estimators have tests of their own."""
    ours = {name: cls for name, cls in MODELS.module_dict.items() if cls.__module__.startswith("mmpose_ext.")}
    other = (BasePoseEstimator, BaseDataPreprocessor)
    return {name: cls for name, cls in ours.items() if not (isinstance(cls, type) and issubclass(cls, other))}


def build(name: str, case: Case) -> nn.Module:
    torch.manual_seed(0)
    model = MODELS.build(dict(type=name, **case.config))
    for parameter in model.parameters():  # published initialisations are so small that gradients underflow
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return model


def inputs(case: Case, batch: int) -> Any:
    generator = torch.Generator().manual_seed(1)
    maps = tuple(torch.randn(batch, *shape, generator=generator) for shape in case.inputs)
    return maps[0] if len(maps) == 1 else maps


def first_row(x: Any) -> Any:
    return x[:1] if isinstance(x, Tensor) else tuple(part[:1] for part in x)


def test_nothing_is_missing() -> None:
    assert set(MATRIX) == set(registered())


@pytest.mark.parametrize("name", list(MATRIX))
def test_registered_under_the_name_of_the_class(name: str) -> None:
    assert registered()[name].__name__ == name


@every_case
def test_shapes_and_no_nan(name: str, case: Case) -> None:
    model = build(name, case)
    for mode in (True, False):
        outputs = flatten_output(model.train(mode)(inputs(case, 2)))
        assert [tuple(x.shape) for x in outputs] == [(2, *shape) for shape in case.outputs]
        assert all(torch.isfinite(x).all() for x in outputs)


@pytest.mark.parametrize(
    "name", ["BDMPSCANet", "SFM", "SHaRPose", "SHaRPoseEViT", "SSNResNet", "StackedHourglass", "XHRNet"]
)
def test_a_file_of_another_network_is_refused(name: str) -> None:
    """As MMEngine loads, for which keys that don't fit are a line in the log."""
    backbone = build(name, list(MATRIX[name].values())[0])
    for keys in (["head.final_layer.weight"], ["backbone.conv7.weight"], ["module.blocks.0.weight", "cls_token"]):
        with pytest.raises(ValueError, match=f"no tensor for {name}, whose keys are such as 'backbone"):
            load_state_dict(nn.ModuleDict({"backbone": backbone}), {key: torch.ones(1) for key in keys})


@pytest.mark.parametrize("name", list(MATRIX))
@pytest.mark.parametrize("training", [True, False])
def test_one_type_under_autocast(name: str, training: bool) -> None:
    case = list(MATRIX[name].values())[-1]
    model = build(name, case).train(training)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = flatten_output(model(inputs(case, 2)))
    types = {x.dtype for x in outputs if x.is_floating_point()}
    assert len(types) == 1 and types <= {torch.float32, torch.bfloat16}
    assert all(torch.isfinite(x).all() for x in outputs)


@every_case
def test_every_parameter_gets_a_gradient(name: str, case: Case) -> None:
    model = build(name, case).train()
    outputs = flatten_output(model(inputs(case, 2)))
    sum((x * torch.randn(x.shape)).sum() for x in outputs).backward()
    for parameter_name, parameter in model.named_parameters():
        if any(re.search(pattern, parameter_name) for pattern in case.no_gradient):
            continue
        assert parameter.grad is not None, f"{parameter_name} has no part in the output"
        assert torch.isfinite(parameter.grad).all(), f"the gradient of {parameter_name} is not finite"
        assert parameter.grad.any(), f"the gradient of {parameter_name} is zero"


@every_case
def test_exceptions_are_needed(name: str, case: Case) -> None:
    """A listed exception names a parameter that exists."""
    names = [parameter_name for parameter_name, _ in build(name, case).named_parameters()]
    if case.config.get("block") != "baseline":  # the only block without attention
        assert all(any(re.search(pattern, x) for x in names) for pattern in case.no_gradient)


@every_case
def test_eval_is_deterministic_and_rows_are_independent(name: str, case: Case) -> None:
    model = build(name, case).eval()
    x = inputs(case, 2)
    with torch.no_grad():
        once, again, alone = (flatten_output(model(part)) for part in (x, x, first_row(x)))
    for a, b, c in zip(once, again, alone, strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a[:1], c, rtol=1e-4, atol=1e-5 * float(a.float().abs().max()) if a.numel() else 0.0)


@every_case
def test_train_returns_the_model(name: str, case: Case) -> None:
    model = build(name, case)
    assert model.train() is model and model.training
    assert model.eval() is model and not model.training


@every_case
def test_state_dict_round_trip(name: str, case: Case) -> None:
    model, other = build(name, case).eval(), MODELS.build(dict(type=name, **case.config)).eval()
    other.load_state_dict(model.state_dict(), strict=True)
    with torch.no_grad():
        pairs = zip(flatten_output(model(inputs(case, 1))), flatten_output(other(inputs(case, 1))), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
