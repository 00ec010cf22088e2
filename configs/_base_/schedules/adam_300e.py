"""The recipe of SFM: Adam 1e-3 for 32 images on 2 GPUs, 300 epochs, x0.1 at 180 and 260."""

train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=10)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type="Adam", lr=1e-3))
param_scheduler = [dict(type="MultiStepLR", begin=0, end=300, milestones=[180, 260], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=32)
