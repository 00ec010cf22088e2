"""Three epochs for a CPU: RMSprop at the paper's rate, 8 images, one cosine cycle, bfloat16.

Four times that rate was better without attention, and did not train sharp attention (docs/papers/scanet.md).
"""

train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=3)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(type="BFloat16OptimWrapper", optimizer=dict(type="RMSprop", lr=2.5e-4))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=50, start_factor=0.05, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=3, T_max=3, eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=8)
