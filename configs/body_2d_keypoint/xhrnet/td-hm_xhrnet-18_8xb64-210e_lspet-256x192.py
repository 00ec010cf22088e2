"""X-HRNet-18 on LSPET at 256x192; not in the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/lspet_256x192.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(out_channels=14, decoder=_base_.codec),
)
