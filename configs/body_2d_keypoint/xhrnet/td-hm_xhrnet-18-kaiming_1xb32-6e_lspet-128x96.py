"""X-HRNet-18 on LSPET at 128x96 from Kaiming's start, beside the official one."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_6e.py",
    "../../_base_/models/xhrnet-kaiming.py",
    "../../_base_/datasets/lspet_128x96.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(out_channels=14, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=32)
