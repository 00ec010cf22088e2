"""The cascaded pyramid on LSPET in MPII's format at 128x128, a schedule for a CPU."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_bf16_2e.py",
    "../../_base_/models/sfm.py",
    "../../_base_/datasets/lspet_mpii_stride2_128x128.py",
]

model = dict(backbone=dict(bridges=(), attention=None), head=dict(out_channels=16, decoder=_base_.codec))
train_dataloader = dict(batch_size=8, dataset=dict(indices=4800))
