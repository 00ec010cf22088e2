"""`adamw_30e.py` with sixty epochs."""

_base_ = ["adamw_30e.py"]

train_cfg = dict(max_epochs=60, val_interval=5)
param_scheduler = [
    dict(type="LinearLR", begin=0, end=300, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=60, T_max=60, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]
