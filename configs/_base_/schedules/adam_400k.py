"""The recipe of SSN for networks without offsets: Adam 5e-4 for 16 images, half from 300k on each 30k, 400k iterations.

Goes with `iter_runtime.py`.
"""

train_cfg = dict(by_epoch=False, max_iters=400000, val_interval=10000)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(optimizer=dict(type="Adam", lr=5e-4))
param_scheduler = [
    dict(type="MultiStepLR", milestones=[300000, 330000, 360000, 390000], gamma=0.5, end=400000, by_epoch=False),
]
auto_scale_lr = dict(base_batch_size=16)
