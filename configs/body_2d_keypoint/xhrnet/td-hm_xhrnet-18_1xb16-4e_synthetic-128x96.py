"""The first run: X-HRNet-18 on rendered persons at 128x96, minutes on two CPU cores.

Kaiming's start bears the rate that a short run needs. AP after three epochs, one seed: official start (deviation 0.001)
0.024 at 3e-3 and 0.030 at 8e-3, Kaiming's 0.023 at 3e-3, 0.042 at 8e-3, 0.050 at 1.2e-2 with a shorter warm-up.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_4e.py",
    "../../_base_/models/xhrnet-kaiming.py",
    "../../_base_/datasets/synthetic_128x96.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(decoder=_base_.codec),
)
train_dataloader = dict(batch_size=16)
