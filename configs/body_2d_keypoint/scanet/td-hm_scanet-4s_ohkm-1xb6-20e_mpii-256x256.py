"""BDMP-SCANet, 4 stacks, fine-tuned with hard point mining: the final network of Table 1."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/rmsprop_20e.py",
    "../../_base_/models/scanet.py",
    "../../_base_/datasets/mpii_jitter_256x256.py",
]

model = dict(
    backbone=dict(num_stacks=4),
    head=dict(
        num_stages=4,
        loss=dict(type="KeypointOHKMMSELoss", use_target_weight=True, topk=8),
        decoder=_base_.codec,
    ),
)
train_dataloader = dict(batch_size=6)
load_from = "work_dirs/td-hm_scanet-4s_1xb6-220e_mpii-256x256/epoch_220.pth"
