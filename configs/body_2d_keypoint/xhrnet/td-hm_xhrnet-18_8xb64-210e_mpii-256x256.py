"""X-HRNet-18 on MPII at 256x256; not in the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/mpii_256x256.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(out_channels=16, decoder=_base_.codec),
)
