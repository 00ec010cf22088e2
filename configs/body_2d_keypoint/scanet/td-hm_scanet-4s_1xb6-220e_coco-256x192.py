"""BDMP-SCANet, 4 stacks, on COCO; not in the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_220e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(
    backbone=dict(num_stacks=4, num_keypoints=17),
    head=dict(in_channels=17, out_channels=17, num_stages=4, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=6)
