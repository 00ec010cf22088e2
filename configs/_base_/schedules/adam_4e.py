"""Four epochs for one or two CPU cores: Adam 1.2e-2 for 16 images, one cosine cycle, scored at epochs 2 and 4."""

train_cfg = dict(by_epoch=True, max_epochs=4, val_interval=2)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type="FusedAdam", lr=1.2e-2))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=40, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=4, T_max=4, eta_min=2e-5, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=16)
