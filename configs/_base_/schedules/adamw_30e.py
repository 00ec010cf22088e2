"""Thirty epochs for a CPU: AdamW 2e-3 for 32 images, one cosine cycle."""

train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=3)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type="AdamW", lr=2e-3, weight_decay=1e-2, fused=True))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=300, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=30, T_max=30, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=32)
