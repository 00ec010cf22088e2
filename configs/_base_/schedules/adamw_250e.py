"""AdamW 5e-4 with layer-wise decay, 250 epochs, x0.1 at 170 and 200: the recipe of SHaRPose-Small."""

train_cfg = dict(by_epoch=True, max_epochs=250, val_interval=10)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=5e-4, betas=(0.9, 0.999), weight_decay=0.1),
    constructor="LayerDecayConstructor",
    paramwise_cfg=dict(
        layer_decay_rate=0.75,
        blocks="backbone.blocks",
        stem=["_token", "_positions", "patch_embed"],
        custom_keys=dict(_token=dict(decay_mult=0.0), _positions=dict(decay_mult=0.0)),
    ),
)
param_scheduler = [
    dict(type="LinearLR", begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type="MultiStepLR", begin=0, end=250, milestones=[170, 200], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=512)
