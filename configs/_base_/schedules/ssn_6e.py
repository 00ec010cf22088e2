"""`adam_6e.py` with a second learning rate: that of the offsets, 1e-3, 10 % less after each epoch.

A leaf adds `DelayedInsertionHook`.
"""

_base_ = ["adam_6e.py"]

optim_wrapper = dict(
    constructor="NamedGroupsConstructor",
    paramwise_cfg=dict(groups=dict(offsets=dict(pattern=r"\.shift\.offsets$", lr=1e-3))),
)
param_scheduler = [
    dict(type="GroupLinearLR", group="network", begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(
        type="GroupCosineAnnealingLR",
        group="network",
        begin=0,
        end=6,
        T_max=6,
        eta_min=2e-5,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(type="GroupStepLR", group="offsets", step_size=1, gamma=0.9, begin=0, end=6, by_epoch=True),
]
# On several GPUs: FSMs have no gradient until they are inserted.
find_unused_parameters = True
