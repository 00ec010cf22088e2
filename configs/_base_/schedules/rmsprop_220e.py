"""The recipe of BDMP-SCANet: RMSprop 2.5e-4, x0.1 at 150, 170 and 200.

The paper names neither the batch size (6 is usual for the stacked hourglass) nor the last epoch.
"""

train_cfg = dict(by_epoch=True, max_epochs=220, val_interval=10)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type="RMSprop", lr=2.5e-4))
param_scheduler = [dict(type="MultiStepLR", begin=0, end=220, milestones=[150, 170, 200], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=6)
