"""SFM on LSPET in MPII's format at 256x256; not in the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_300e.py",
    "../../_base_/models/sfm.py",
    "../../_base_/datasets/lspet_mpii_stride2_256x256.py",
]

model = dict(head=dict(out_channels=16, decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
