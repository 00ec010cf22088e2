"""X-HRNet-18 on COCO with the SimCC codec; not in the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_simcc_256x192.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(
        _delete_=True,
        type="SimCCHead",
        in_channels=40,
        out_channels=17,
        input_size=_base_.codec.input_size,
        in_featuremap_size=(48, 64),
        simcc_split_ratio=_base_.codec.simcc_split_ratio,
        deconv_out_channels=None,
        loss=dict(type="KLDiscretLoss", use_target_weight=True),
        decoder=_base_.codec,
    ),
    test_cfg=dict(_delete_=True, flip_test=True),
)
