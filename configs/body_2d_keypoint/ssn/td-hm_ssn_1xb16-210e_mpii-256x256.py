"""SSN on MPII at 256x256, with one width of the targets; not in the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/ssn_210e.py",
    "../../_base_/models/ssn.py",
    "../../_base_/datasets/mpii_256x256.py",
]

model = dict(head=dict(out_channels=16, decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=6000))
