"""SFM with a head and a loss on the final output only; the paper does not say."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_300e.py",
    "../../_base_/models/sfm.py",
    "../../_base_/datasets/mpii_stride2_256x256.py",
]

model = dict(head=dict(out_channels=16, supervise_middle=False, decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
