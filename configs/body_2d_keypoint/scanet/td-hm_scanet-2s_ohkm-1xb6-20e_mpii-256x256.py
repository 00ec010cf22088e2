"""BDMP-SCANet, 2 stacks, fine-tuned with hard point mining: the row "MSFI+ALL" of Table 2."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_20e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/mpii_jitter_256x256.py",
]

model = dict(
    backbone=dict(num_stacks=2),
    head=dict(
        num_stages=2,
        loss=dict(type="KeypointOHKMMSELoss", use_target_weight=True, topk=8),
        decoder=_base_.codec,
    ),
)
train_dataloader = dict(batch_size=6)
load_from = "work_dirs/td-hm_scanet-2s_1xb6-220e_mpii-256x256/epoch_220.pth"
