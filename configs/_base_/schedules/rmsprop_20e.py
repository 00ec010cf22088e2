"""Fine-tuning for 20 epochs with RMSprop at 2.5e-6, the rate that `rmsprop_220e.py` has from epoch 170 to 200."""

train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=5)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type="RMSprop", lr=2.5e-6))
param_scheduler = [dict(type="MultiStepLR", begin=0, end=20, milestones=[15], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=6)
