"""`adamw_30e.py` with 210 epochs, for a GPU: AdamW 2e-3 for 64 images, one cosine cycle."""

_base_ = ["adamw_30e.py"]

train_cfg = dict(max_epochs=210, val_interval=10)
param_scheduler = [
    dict(type="LinearLR", begin=0, end=300, start_factor=0.01, by_epoch=False),
    dict(
        type="CosineAnnealingLR", begin=0, end=210, T_max=210, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True
    ),
]
auto_scale_lr = dict(base_batch_size=64)
