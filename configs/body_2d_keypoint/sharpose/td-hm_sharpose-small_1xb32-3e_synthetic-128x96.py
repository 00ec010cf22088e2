"""SHaRPose-Small on rendered persons at 128x96, from scratch: a run of minutes on a CPU."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_bf16_3e.py",
    "../../_base_/models/sharpose.py",
    "../../_base_/datasets/synthetic_128x96.py",
]

train_dataloader = dict(batch_size=32)
default_hooks = dict(
    quality=dict(type="QualityScheduleHook", begin=2, weight=0.03),
    keypoints=dict(type="KeypointTokenHook"),
)

model = dict(
    backbone=dict(
        arch="small",
        num_keypoints=17,
        input_size=_base_.codec.input_size,
        alpha=0.5,
        drop_path_rate=0.0,
    ),
    head=dict(
        in_channels=384,
        out_channels=17,
        heatmap_size=_base_.codec.heatmap_size,
        decoder=_base_.codec,
        init_cfg=dict(type="Normal", layer="Linear", std=0.001),
    ),
)
