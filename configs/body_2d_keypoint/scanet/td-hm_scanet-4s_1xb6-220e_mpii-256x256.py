"""BDMP-SCANet, 4 stacks: the final network before fine-tuning."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_220e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/mpii_jitter_256x256.py",
]

model = dict(
    backbone=dict(num_stacks=4),
    head=dict(num_stages=4, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=6)
