"""BDMP-SCANet, 2 stacks, MSFI+SSA with temperature 10 (Figure 5)."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_220e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/mpii_jitter_256x256.py",
]

model = dict(
    backbone=dict(num_stacks=2, variant="ssa", tau=10.0),
    head=dict(num_stages=2, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=6)
