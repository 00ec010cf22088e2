"""Where the modules stand, what they weigh, and the ResNets that take one as a plugin."""

from __future__ import annotations

import pytest
import torch
from mmpose.models import ResNet
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.models.ssn import FeatureShiftModule, GlobalNet, SSNHead, SSNResNet

P = ("P1", "P2", "P3", "P4")


def network(early: bool = True, **backbone) -> nn.Sequential:
    """The large network, on no device: only its numbers count."""
    with torch.device("meta"):
        return nn.Sequential(
            SSNResNet(50, **{"shift_channels": 512, "first_shift_channels": 256, **backbone}),
            GlobalNet((256, 512, 1024, 2048), early_stages=(0, 1, 2) if early else ()),
            SSNHead(256, 17, predictors=("E1", "E2", "E3", *P) if early else P),
        )


def light(shift_channels: int) -> nn.Sequential:
    """3Block+3FSM."""
    with torch.device("meta"):
        return nn.Sequential(
            SSNResNet(50, shift_channels, attention="sigmoid", num_stages=1, out_indices=(0,)),
            SSNHead(256, 17, predictors=("P4",), tail="norm"),
        )


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: network(early=False, shift_channels=None), 25_113_576),
        (lambda: network(shift_channels=None), 25_890_022),
        (lambda: network(attention=None), 35_669_926),
        (lambda: network(shifting=False), 40_542_374),
        (lambda: network(early=False), 39_778_728),
        (lambda: network(shift_channels=256, first_shift_channels=128), 33_236_902),
        (lambda: network(), 40_555_174),
        (lambda: light(256), 779_298),
        (lambda: light(512), 1_226_274),
    ],
    ids=["backbone", "with ESP", "w/o CA", "w/o shifting", "w/o ESP", "K=256", "SSN", "3 blocks, 256", "3 blocks, 512"],
)
def test_parameters(build, parameters) -> None:
    assert sum(parameter.numel() for parameter in build().parameters()) == parameters


@pytest.mark.parametrize(("channels", "shift"), [(64, 256), (256, 512), (2048, 512)])
def test_parameters_of_a_module(channels, shift) -> None:
    """Three convolutions, their biases, two norms and the offsets."""
    with torch.device("meta"):
        fsm = FeatureShiftModule(channels, shift)
    expected = 3 * shift * channels + 6 * shift + 3 * channels
    assert sum(parameter.numel() for parameter in fsm.parameters()) == expected


def test_placement() -> None:
    """3, 3, 5 and 2 modules: before every block except the one behind a stride."""
    with torch.device("meta"):
        net = SSNResNet(50, 512, first_shift_channels=256)
    assert list(net.fsms) == [
        *("layer1_0", "layer1_1", "layer1_2"),
        *("layer2_0", "layer2_2", "layer2_3"),
        *("layer3_0", "layer3_2", "layer3_3", "layer3_4", "layer3_5"),
        *("layer4_0", "layer4_2"),
    ]
    channels = [(fsm.in_channels, fsm.reduce.out_channels) for fsm in net.fsms.values()]
    assert channels[:4] == [(64, 256), (256, 512), (256, 512), (256, 512)]
    assert channels[-2:] == [(1024, 512), (2048, 512)]


def test_modules_left_out_leave_a_resnet() -> None:
    """Before their insertion the network is MMPose's ResNet, weight by weight."""
    ours = SSNResNet(50, 8, base_channels=32, stem_channels=32).eval()
    plain = ResNet(
        50, base_channels=32, stem_channels=32, norm_cfg=dict(type="GN", num_groups=32), out_indices=range(4)
    )
    plain.train(False)
    missing = plain.load_state_dict(ours.state_dict(), strict=False)
    assert not missing.missing_keys and all(key.startswith("fsms.") for key in missing.unexpected_keys)
    for fsm in ours.fsms.values():
        fsm.inserted = False
    x = torch.randn(1, 3, 64, 64)
    assert all(torch.equal(a, b) for a, b in zip(ours(x), plain(x), strict=True))


def test_any_size_of_image() -> None:
    net = nn.Sequential(
        SSNResNet(50, 8, base_channels=32, stem_channels=32),
        GlobalNet((128, 256, 512, 1024), 32),
        SSNHead(32, 17),
    ).eval()
    with torch.no_grad():
        assert {tuple(x.shape) for x in net(torch.randn(1, 3, 100, 68))} == {(1, 17, 25, 17)}


def test_plugin_of_a_resnet_with_plugins() -> None:
    """MMDetection's ResNet, which MMPose's configs can name, builds its plugins from their type."""
    backbone = MODELS.build(
        dict(
            type="mmdet.ResNet",
            depth=50,
            base_channels=16,
            stem_channels=16,
            plugins=[
                dict(
                    cfg=dict(type="FeatureShiftModule", shift_channels=8, attention="sigmoid"),
                    stages=(True, False, True, False),
                    position="after_conv3",
                )
            ],
        )
    )
    fsms = [module for module in backbone.modules() if isinstance(module, FeatureShiftModule)]
    assert [fsm.in_channels for fsm in fsms] == 3 * [64] + 6 * [256]
    sum(x.sum() for x in backbone(torch.randn(2, 3, 64, 64))).backward()
    assert all(fsm.reduce.weight.grad.any() for fsm in fsms)


def test_plugin_of_any_backbone() -> None:
    backbone = MODELS.build(
        dict(
            type="backbone_with_plugins",
            backbone=dict(type="ResNet", depth=18, base_channels=8, stem_channels=8),
            plugins=[dict(cfg=dict(type="FeatureShiftModule", in_channels=16, shift_channels=4), after=("layer2",))],
        )
    )
    (fsm,) = (module for module in backbone.modules() if isinstance(module, FeatureShiftModule))
    assert fsm.in_channels == 16
    backbone(torch.randn(2, 3, 64, 64))[0].sum().backward()
    assert fsm.shift.offsets.grad is not None and fsm.shift.offsets.grad.any()


@pytest.mark.parametrize(("early", "match"), [((4,), "0 to 3"), ((-1,), "0 to 3")])
def test_an_early_stage_that_does_not_exist(early, match) -> None:
    with pytest.raises(ValueError, match=match):
        GlobalNet((32, 64, 128, 256), 32, early_stages=early)


@pytest.mark.parametrize("shapes", [[(1, 32, 4, 4)], [(1, 32, 4, 4), (1, 65, 2, 2)]])
def test_other_maps(shapes) -> None:
    with pytest.raises(ValueError, match=r"GlobalNet expects 2 maps with 32, 64 channels, got shapes .*4, 4\)"):
        GlobalNet((32, 64), 32, early_stages=())([torch.zeros(shape) for shape in shapes])


@pytest.mark.slow
def test_compiles() -> None:
    """Inductor is not needed to see that no graph breaks."""
    torch.manual_seed(0)
    fsm = FeatureShiftModule(4, 8).eval()
    torch.nn.init.normal_(fsm.shift.offsets)
    x = torch.randn(2, 4, 6, 5)
    compiled = torch.compile(fsm, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), fsm(x))


@pytest.mark.parametrize(("frozen_stages", "expected"), [(-1, 0), (0, 0), (1, 3), (2, 6)])
def test_frozen_stages_freeze_their_modules(frozen_stages: int, expected: int) -> None:
    net = SSNResNet(50, 4, stem_channels=32, base_channels=32, frozen_stages=frozen_stages).train()
    frozen = [name for name, fsm in net.fsms.items() if not any(p.requires_grad for p in fsm.parameters())]
    assert frozen == [name for name in net.fsms if int(name[5]) <= frozen_stages]
    assert len(frozen) == expected
    assert [name for name, fsm in net.fsms.items() if not fsm.training] == frozen
