"""Four epochs for one or two CPU cores: AdamW 2e-4 for 16 images, one cosine cycle, bfloat16, no layer-wise decay."""

_base_ = ["adamw_bf16_3e.py"]

train_cfg = dict(max_epochs=4)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type="LinearLR", begin=0, end=100, start_factor=0.01, by_epoch=False),
    dict(type="CosineAnnealingLR", begin=0, end=4, T_max=4, eta_min=2e-6, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=16)
