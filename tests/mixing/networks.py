"""Small networks of mixed parts, for 64x64 pixels and 17 keypoints: what each file of this folder runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Part = dict[str, Any]


class Network(NamedTuple):
    """A model that learns from one codec."""

    backbone: Part
    head: Part
    codec: Part
    neck: Part | None = None

    @property
    def model(self) -> Part:
        """Config of the whole."""
        parts = dict(backbone=self.backbone, neck=self.neck, head=self.head)
        preprocessor = dict(type="PoseDataPreprocessor", mean=[127.0] * 3, std=[64.0] * 3, bgr_to_rgb=True)
        train_cfg = dict(compute_acc=False)  # which MMPose can't for three maps to a keypoint
        return dict(type="TopdownPoseEstimator", data_preprocessor=preprocessor, train_cfg=train_cfg, **parts)


MSE = dict(type="KeypointMSELoss", use_target_weight=True)
KL = dict(type="KLDiscretLoss", use_target_weight=True)
INPUT = dict(input_size=(64, 64))


def msra(side: int, **options: Any) -> Part:
    return dict(type="MSRAHeatmap", **INPUT, heatmap_size=(side, side), sigma=1, **options)


def heatmap_head(channels: int, codec: Part, *, out_channels: int = 17, loss: Part = MSE) -> Part:
    common = dict(in_channels=channels, out_channels=out_channels, deconv_out_channels=None)
    return dict(type="HeatmapHead", **common, loss=loss, decoder=codec)


# Our backbones under MMPose's heads.

SMALL = dict(num_modules=(1, 1, 1), channels=(8, 16, 24, 32), stem_channels=8, num_blocks=1)
XHRNET = dict(type="XHRNet", arch=SMALL, **INPUT)
SFM = dict(type="SFM", arch=dict(channels=(8, 12, 16)))
SSN = dict(type="SSNResNet", stem_channels=32, base_channels=32, shift_channels=6)
HOURGLASS = dict(num_stacks=1, num_keypoints=None, channels=8)
BACKBONES: dict[str, tuple[Part, int, int]] = {
    "XHRNet": (XHRNET, 8, 4),
    "SFM": (SFM, 8, 2),
    "StackedHourglass": (dict(type="StackedHourglass", **HOURGLASS, depth=2), 8, 4),
    "BDMPSCANet": (dict(type="BDMPSCANet", **HOURGLASS, depth=3, reduced_channels=16), 8, 4),
    "SSNResNet": ({**SSN, "num_stages": 1, "out_indices": (0,)}, 128, 4),
}
"""Name -> config, channels and stride of the last map."""
GAU = dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0.0, drop_path=0.0, act_fn="SiLU")
GAU |= dict(use_rel_bias=False, pos_enc=False)
CODECS: dict[str, Part] = {
    "msra": dict(type="MSRAHeatmap", sigma=1),
    "dark": dict(type="MSRAHeatmap", sigma=1, unbiased=True),
    "udp": dict(type="UDPHeatmap", sigma=1),
    "udp combined": dict(type="UDPHeatmap", heatmap_type="combined"),
    "batched udp": dict(type="BatchedUDPHeatmap", sigma=1),
}
HEADS = (*CODECS, "simcc", "rtmcc", "regression")


def under(backbone: str, head: str) -> Network:
    """One of our backbones under one of MMPose's heads."""
    config, channels, stride = BACKBONES[backbone]
    side = 64 // stride
    if head in CODECS:
        codec = dict(**CODECS[head], **INPUT, heatmap_size=(side, side))
        combined = head == "udp combined"
        loss = dict(type="CombinedTargetMSELoss", use_target_weight=True) if combined else MSE
        return Network(config, heatmap_head(channels, codec, out_channels=51 if combined else 17, loss=loss), codec)
    if head == "regression":
        codec = dict(type="RegressionLabel", **INPUT)
        loss = dict(type="SmoothL1Loss", use_target_weight=True)
        part = dict(type="RegressionHead", in_channels=channels, num_joints=17, loss=loss, decoder=codec)
        return Network(config, part, codec, dict(type="GlobalAveragePooling"))
    codec = dict(type="SimCCLabel", **INPUT, sigma=2.0, simcc_split_ratio=2.0, use_dark=False, normalize=False)
    common = dict(in_channels=channels, out_channels=17, **INPUT, in_featuremap_size=(side, side))
    common |= dict(simcc_split_ratio=2.0, loss=KL, decoder=codec)
    if head == "simcc":
        return Network(config, dict(type="SimCCHead", **common, deconv_out_channels=None), codec)
    return Network(config, dict(type="RTMCCHead", **common, gau_cfg=GAU, final_layer_kernel_size=3), codec)


# Our necks and heads on stock backbones, and on each other's.

HRNET: Part = {
    f"stage{i + 1}": dict(
        num_modules=1,
        num_branches=i + 1,
        block="BASIC" if i else "BOTTLENECK",
        num_blocks=(1,) * (i + 1),
        num_channels=tuple(8 * 2**j for j in range(i + 1)),
        multiscale_output=True,
    )
    for i in range(4)
}
RESNET = dict(type="ResNet", depth=18, base_channels=8, stem_channels=8)
ALL = (0, 1, 2, 3)
PYRAMIDS: dict[str, tuple[Part, tuple[int, ...]]] = {
    "ResNet": ({**RESNET, "out_indices": ALL}, (8, 16, 32, 64)),
    "HRNet": (dict(type="HRNet", extra=HRNET), (8, 16, 32, 64)),
    "MobileNetV2": (dict(type="MobileNetV2", widen_factor=0.25, out_indices=(1, 2, 4, 6)), (8, 8, 24, 80)),
    "SwinTransformer": (
        dict(type="SwinTransformer", embed_dims=12, depths=[1] * 4, num_heads=[1, 1, 2, 2], window_size=2),
        (12, 24, 48, 96),
    ),
    "PyramidVisionTransformerV2": (
        dict(type="PyramidVisionTransformerV2", embed_dims=8, num_layers=[1] * 4),
        (8, 16, 40, 64),
    ),
    "CSPNeXt": (
        dict(type="CSPNeXt", widen_factor=0.125, deepen_factor=0.167, out_indices=(1, 2, 3, 4)),
        (16, 32, 64, 128),
    ),
    "XHRNet": ({**XHRNET, "out_indices": ALL}, (8, 8, 16, 24)),
    "SSNResNet": (SSN, (128, 256, 512, 1024)),
}
"""Backbones with maps of stride 4, 8, 16 and 32: name -> config, channels of the maps."""
UPWARD = (
    "GlobalNet, SSNHead",
    "GlobalNet, HeatmapHead",
    "MSFI, HeatmapHead",
    "BDMP, MSFI, HeatmapHead",
    "BDMP, CPMHead",
)


def upward(backbone: str, name: str) -> Network:
    """One of our upward halves on the pyramid of a backbone."""
    config, channels = PYRAMIDS[backbone]
    codec = msra(16)
    global_net = dict(type="GlobalNet", in_channels=channels, out_channels=32)
    integration = dict(type="MultiScaleFeatureIntegration", in_channels=channels, channels=4)
    neck, head = {
        "GlobalNet, SSNHead": (global_net, dict(type="SSNHead", in_channels=32, out_channels=17, decoder=codec)),
        "GlobalNet, HeatmapHead": ({**global_net, "early_stages": ()}, heatmap_head(32, codec)),
        "MSFI, HeatmapHead": (integration, heatmap_head(16, codec)),
        "BDMP, MSFI, HeatmapHead": ({**integration, "message_passing": True}, heatmap_head(16, codec)),
        "BDMP, CPMHead": (
            dict(type="BiDirectionalMessagePassing", in_channels=channels, channels=4),
            dict(type="CPMHead", in_channels=4, out_channels=17, num_stages=4, loss=MSE, decoder=codec),
        ),
    }[name]
    return Network(config, head, codec, neck)


VIT = dict(embed_dims=24, num_layers=1, num_heads=2, feedforward_channels=24)
LAST_MAPS: dict[str, tuple[Part, int, int]] = {
    "ResNet": (RESNET, 64, 2),
    "HRNet": (dict(type="HRNet", extra={**HRNET, "stage4": {**HRNET["stage4"], "multiscale_output": False}}), 8, 16),
    "MobileNetV2": (dict(type="MobileNetV2", widen_factor=0.25, out_indices=(6,)), 80, 2),
    "ShuffleNetV2": (dict(type="ShuffleNetV2", widen_factor=0.5), 1024, 2),
    "VisionTransformer": (
        dict(
            type="mmpretrain.VisionTransformer",
            arch=VIT,
            img_size=(64, 64),
            patch_size=16,
            with_cls_token=False,
            out_type="featmap",
        ),
        24,
        4,
    ),
}
"""Backbones with one map: name -> config, channels and height of it."""


def attended(backbone: str, neck: str) -> Network:
    """SSA or SACWA on the last map of a backbone."""
    config, channels, side = LAST_MAPS[backbone]
    codec = msra(side)
    wide = neck == "SemanticsAwareChannelAttention"
    part = dict(type=neck, in_channels=channels, **(dict(middle_channels=8, ratio=4) if wide else {}))
    return Network(config, heatmap_head(channels * (1 + wide), codec), codec, part)


# Our blocks in stock backbones.


class Stock(NamedTuple):
    """A backbone of MMPose, and a place in it."""

    config: Part
    after: str
    """The module behind which a block stands."""
    channels: int
    """Of that module's map."""
    side: int
    """Height and width of it."""


STOCK = {
    "ResNet": Stock(RESNET, "layer2", 16, 8),
    "HRNet": Stock(LAST_MAPS["HRNet"][0], "layer1", 32, 16),
}
BLOCKS: dict[str, Callable[[int, int, int], Part]] = {
    "HighLevelSpatialAttention": lambda channels, height, width: dict(in_channels=channels),
    "SpatialAttention": lambda channels, height, width: dict(in_channels=channels),
    "SharperSpatialAttention": lambda channels, height, width: dict(in_channels=channels),
    "FeatureShiftModule": lambda channels, height, width: dict(in_channels=channels, shift_channels=12),
    "SpatiallyUnidimensionalSelfAttention": lambda channels, height, width: dict(
        channels=channels, axis="H", length=height
    ),
    "XShuffleBlock": lambda channels, height, width: dict(channels=channels, map_size=(height, width)),
}
"""Those that keep the shape of a map: name -> arguments for C, H, W of the map."""


def with_block(backbone: str, block: str) -> Part:
    """A backbone with one block in it."""
    stock = STOCK[backbone]
    cfg = dict(type=block, **BLOCKS[block](stock.channels, stock.side, stock.side))
    plugin = dict(cfg=cfg, after=(stock.after,))
    return dict(type="backbone_with_plugins", backbone=stock.config, plugins=[plugin])


def blocked(backbone: str, block: str) -> Network:
    """A backbone with one block in it, under HeatmapHead."""
    _, channels, side = LAST_MAPS[backbone]
    return Network(with_block(backbone, block), heatmap_head(channels, msra(side)), msra(side))


ATTENTION = ("SharperSpatialAttention", "SemanticsAwareChannelAttention")
TWO_STACKS = dict(type="HourglassNet", num_stacks=2, downsample_times=1, stage_channels=(256, 8), stage_blocks=(1, 1))
COMBINATIONS: dict[str, Network] = {
    **{f"{backbone}, {head}": under(backbone, head) for backbone in BACKBONES for head in HEADS},
    **{f"{backbone}, {name}": upward(backbone, name) for backbone in PYRAMIDS for name in UPWARD},
    **{f"{backbone}, {neck}": attended(backbone, neck) for backbone in LAST_MAPS for neck in ATTENTION},
    **{f"{backbone} with {block}": blocked(backbone, block) for backbone in STOCK for block in BLOCKS},
    "HourglassNet, SFMHead": Network(
        TWO_STACKS, dict(type="SFMHead", in_channels=256, out_channels=17, decoder=msra(16)), msra(16)
    ),
    "SFM, CPMHead": Network(
        SFM,
        dict(type="CPMHead", in_channels=8, out_channels=17, num_stages=2, loss=MSE, decoder=msra(32)),
        msra(32),
    ),
}
"""All that are trained."""
