"""`adam_5e.py` with four epochs, four times the rate and a shorter warm-up, scored at epochs 2 and 4."""

_base_ = ["adam_5e.py"]

train_cfg = dict(max_epochs=4)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=40, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=4, T_max=4, eta_min=2e-5, by_epoch=True, convert_to_iter_based=True),
]
