"""SHaRPose-Small on COCO at 384x288 (Table 2).

No official config of this row exists; the recipe is that of 256x192.
From scratch. From MAE's or ViTPose's weights, as in the paper: `mmpose-ext convert vit WEIGHTS start.pth`, then
`--cfg-options load_from=start.pth`.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_250e.py",
    "../../_base_/models/sharpose.py",
    "../../_base_/datasets/coco_udp_vitpose_384x288.py",
]

train_dataloader = dict(batch_size=128)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.8))
default_hooks = dict(
    quality=dict(type="QualityScheduleHook", begin=210, weight=0.03),
    keypoints=dict(type="KeypointTokenHook"),
)

model = dict(
    backbone=dict(
        arch="small",
        input_size=_base_.codec.input_size,
        alpha=0.5,
        quality_threshold=0.99,
    ),
    head=dict(
        in_channels=384,
        heatmap_size=_base_.codec.heatmap_size,
        decoder=_base_.codec,
    ),
)
