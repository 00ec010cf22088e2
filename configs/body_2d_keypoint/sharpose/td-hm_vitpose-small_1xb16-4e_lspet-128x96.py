"""MMPose's ViTPose-Small on LSPET at 128x96, from scratch, with the recipe of SHaRPose-Small beside it."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_bf16_4e.py",
    "../../_base_/models/vitpose-small.py",
    "../../_base_/datasets/lspet_flips_128x96.py",
]

train_dataloader = dict(batch_size=16)

model = dict(
    backbone=dict(img_size=_base_.codec.input_size[::-1]),
    head=dict(out_channels=14, decoder=_base_.codec),
)
