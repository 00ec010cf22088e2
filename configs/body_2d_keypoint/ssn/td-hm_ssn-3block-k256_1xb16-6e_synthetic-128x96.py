"""3Block+3FSM, K=256, on rendered persons at 128x96, a schedule for a CPU."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/ssn_6e.py",
    "../../_base_/models/ssn_3block.py",
    "../../_base_/datasets/synthetic_128x96.py",
]

model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=16)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(insertion=dict(type="DelayedInsertionHook", begin=100))
