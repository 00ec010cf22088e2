"""SHaRPose-Base on COCO at 256x192 (Table 2).

Decay and threshold are those of the official config; the paper has a threshold of 0.95 for all.
From scratch. From MAE's or ViTPose's weights, as in the paper: `mmpose-ext convert vit WEIGHTS start.pth`, then
`--cfg-options load_from=start.pth`.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_210e.py",
    "../../_base_/models/sharpose.py",
    "../../_base_/datasets/coco_udp_vitpose_256x192.py",
]

train_dataloader = dict(batch_size=64)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
default_hooks = dict(
    quality=dict(type="QualityScheduleHook", begin=180, weight=0.03),
    keypoints=dict(type="KeypointTokenHook"),
)

model = dict(
    backbone=dict(
        arch="base",
        input_size=_base_.codec.input_size,
        alpha=0.4,
        quality_threshold=0.99,
    ),
    head=dict(
        in_channels=768,
        heatmap_size=_base_.codec.heatmap_size,
        decoder=_base_.codec,
    ),
)
