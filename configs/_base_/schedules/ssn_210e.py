"""SSN on smaller data sets, not in the paper: Adam 5e-4 for 16 images, 210 epochs, x0.1 at 170 and 200.

An epoch of MPII is a seventh of one of COCO, hence the decay of the offsets. A leaf adds `DelayedInsertionHook`.
"""

train_cfg = dict(by_epoch=True, max_epochs=210, val_interval=10)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    optimizer=dict(type="Adam", lr=5e-4),
    constructor="NamedGroupsConstructor",
    paramwise_cfg=dict(groups=dict(offsets=dict(pattern=r"\.shift\.offsets$", lr=1e-3))),
)
param_scheduler = [
    dict(type="GroupMultiStepLR", group="network", begin=0, end=210, milestones=[170, 200], gamma=0.1, by_epoch=True),
    dict(type="GroupStepLR", group="offsets", step_size=1, gamma=0.985, begin=0, end=210, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=16)
find_unused_parameters = True  # on several GPUs: FSMs have no gradient until they are inserted
