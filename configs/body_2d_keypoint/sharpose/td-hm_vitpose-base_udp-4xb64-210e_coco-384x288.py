"""MMPose's ViTPose-Base at 384x288 (Tables 1, 3 and 4), which MMPose has at 256x192 only; needs MMPretrain.

From scratch. From MAE's weights, as in the paper: `--cfg-options model.backbone.init_cfg.type=Pretrained
model.backbone.init_cfg.checkpoint=URL`, with the URL of MMPose's `td-hm_ViTPose-base_8xb64-210e_coco-256x192`.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_210e.py",
    "../../_base_/models/vitpose-small.py",
    "../../_base_/datasets/coco_udp_vitpose_384x288.py",
]

train_dataloader = dict(batch_size=64)
optim_wrapper = dict(
    paramwise_cfg=dict(
        _delete_=True,
        layer_decay_rate=0.75,
        blocks="backbone.layers",
        stem=["patch_embed", "pos_embed"],
        custom_keys=dict(pos_embed=dict(decay_mult=0.0)),
    ),
    clip_grad=dict(max_norm=1.0, norm_type=2),
)

model = dict(
    backbone=dict(
        arch=dict(embed_dims=768, feedforward_channels=3072),
        img_size=_base_.codec.input_size[::-1],
        drop_path_rate=0.3,
    ),
    head=dict(in_channels=768, decoder=_base_.codec),
)
