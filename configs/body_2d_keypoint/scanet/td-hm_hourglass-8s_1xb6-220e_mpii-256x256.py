"""Stacked hourglass, 8 stacks: the network of Newell et al. (25.5M in the text)."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_220e.py",
    "../../_base_/models/hourglass.py",
    "../../_base_/datasets/mpii_jitter_256x256.py",
]

model = dict(
    backbone=dict(num_stacks=8),
    head=dict(num_stages=8, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=6)
