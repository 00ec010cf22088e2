"""BDMP-SCANet, 1 stack of depth 3, on rendered persons; a run for a CPU."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_3e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/synthetic_128x96.py",
]

model = dict(
    backbone=dict(num_stacks=1, num_keypoints=17, depth=3),
    head=dict(in_channels=17, out_channels=17, num_stages=1, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=8)
