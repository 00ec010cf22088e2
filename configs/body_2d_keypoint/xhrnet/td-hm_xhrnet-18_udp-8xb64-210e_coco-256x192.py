"""X-HRNet-18 on COCO with the UDP codec; not in the paper."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_udp_256x192.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(decoder=_base_.codec),
    test_cfg=dict(shift_heatmap=False),
)
