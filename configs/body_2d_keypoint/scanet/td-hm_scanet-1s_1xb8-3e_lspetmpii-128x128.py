"""BDMP-SCANet, 1 stack with all modules, on LSPET at 128x128."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_3e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/lspet_mpii_128x128.py",
]

model = dict(
    backbone=dict(num_stacks=1),
    head=dict(num_stages=1, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=8)
