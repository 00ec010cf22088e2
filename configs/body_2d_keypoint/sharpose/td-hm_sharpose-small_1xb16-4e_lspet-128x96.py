"""SHaRPose-Small on LSPET at 128x96, from scratch, a schedule for a CPU.

The quality predictor learns in the last epoch. No threshold: `mmpose-ext sweep-threshold` tries many.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_bf16_4e.py",
    "../../_base_/models/sharpose.py",
    "../../_base_/datasets/lspet_flips_128x96.py",
]

train_dataloader = dict(batch_size=16)
default_hooks = dict(
    quality=dict(type="QualityScheduleHook", begin=3, weight=0.03),
    keypoints=dict(type="KeypointTokenHook"),
)

model = dict(
    backbone=dict(
        arch="small",
        num_keypoints=14,
        input_size=_base_.codec.input_size,
        drop_path_rate=0.0,
    ),
    head=dict(
        in_channels=384,
        out_channels=14,
        heatmap_size=_base_.codec.heatmap_size,
        decoder=_base_.codec,
        init_cfg=dict(type="Normal", layer="Linear", std=0.001),
    ),
)
