"""X-HRNet-18 without SUSA, the row "Baseline" of Table 4.

The count of the table needs the ReLU in the transitions, which the other rows don't have.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_256x192.py",
]

model = dict(
    backbone=dict(block="baseline", transition_relu=True, input_size=_base_.codec.input_size),
    head=dict(decoder=_base_.codec),
)
