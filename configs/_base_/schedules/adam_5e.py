"""Five epochs for one or two CPU cores: Adam 3e-3 for 16 images, one cosine cycle, scored at epochs 2, 4 and 5."""

train_cfg = dict(by_epoch=True, max_epochs=5, val_interval=2)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type="FusedAdam", lr=3e-3))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=5, T_max=5, eta_min=2e-5, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=16)
