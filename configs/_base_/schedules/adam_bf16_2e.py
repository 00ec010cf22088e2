"""Two epochs for one CPU core with AMX or AVX512-BF16: Adam 1e-3 for 8 images in bfloat16, one cosine cycle."""

train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(type="BFloat16OptimWrapper", optimizer=dict(type="FusedAdam", lr=1e-3))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=2, T_max=2, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=8)
