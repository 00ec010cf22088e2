"""Three epochs for one or two CPU cores: AdamW 5e-4 for 32 images, one cosine cycle, bfloat16, no layer-wise decay.

For transformers from scratch; layer-wise decay is for weights that have been trained.
"""

train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type="BFloat16OptimWrapper",
    optimizer=dict(type="AdamW", lr=5e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type="LinearLR", begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=3, T_max=3, eta_min=5e-6, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=32)
