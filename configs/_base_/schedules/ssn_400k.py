"""The recipe of SSN: `adam_400k.py`, and for the offsets 1e-3, 10 % less after each epoch.

A leaf adds `DelayedInsertionHook`.
"""

_base_ = ["adam_400k.py"]

optim_wrapper = dict(
    constructor="NamedGroupsConstructor",
    paramwise_cfg=dict(groups=dict(offsets=dict(pattern=r"\.shift\.offsets$", lr=1e-3))),
)
param_scheduler = [
    dict(
        type="GroupMultiStepLR",
        group="network",
        milestones=[300000, 330000, 360000, 390000],
        gamma=0.5,
        end=400000,
        by_epoch=False,
    ),
    # An epoch is once through the data set, whatever the loop counts in; 10000 of them are not reached.
    dict(
        type="GroupStepLR",
        group="offsets",
        step_size=1,
        gamma=0.9,
        end=10000,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
# On several GPUs: FSMs have no gradient until they are inserted.
find_unused_parameters = True
